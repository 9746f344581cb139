"""Which move comes now: read from the conversation alone, so that the same request always gets the same answer."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agents_app.engines.rehearsal.moves import Move
from agents_app.engines.rehearsal.sentences import EXAMPLES, read_moves
from agents_app.engines.rehearsal.texts import introduction

SHOWN_CHARACTERS = 2_000
ANNOUNCEMENTS = {
    "shell": "`{command}` gave:",
    "python": "Python gave:",
    "read_file": "From `{path}`:",
    "list_files": "From the workspace:",
    "edit_file": "In `{path}`:",
    "write_file": "In `{path}`:",
}
TALKING = ("write_file", "edit_file")


def next_move(messages: Sequence[Mapping[str, Any]], tools: frozenset[str]) -> Move:
    """The move that answers these messages, with these tools at hand."""
    last_user = max((at for at, message in enumerate(messages) if message["role"] == "user"), default=-1)
    since = messages[last_user + 1 :]
    turn = sum(1 for message in since if message.get("tool_calls"))
    moves = read_moves(_text(messages[last_user])) if last_user >= 0 else []
    if moves and moves[-1].again and turn >= len(moves):
        return moves[-1]
    if turn < len(moves):
        return _with_tools(moves[turn], tools)
    if turn and since[-1]["role"] == "tool":
        return Move(_tell(since, moves[-1].says if moves else ""))
    return Move(introduction([sentence for sentence, _ in EXAMPLES]))


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    return content if isinstance(content, str) else " ".join(part.get("text", "") for part in content)


def _with_tools(move: Move, tools: frozenset[str]) -> Move:
    """The move itself, or a sentence about the tool that it lacks."""
    known = {name for name, _ in move.calls if name in ANNOUNCEMENTS or name == "ask_user"}
    missing = sorted(known - tools)
    if not missing:
        return move
    return Move(f"I would use the tool `{missing[0]}` for this, but this agent does not have it here.")


def _tell(since: Sequence[Mapping[str, Any]], says: str) -> str:
    """The results of the last calls, in sentences."""
    last = max(at for at, message in enumerate(since) if message.get("tool_calls"))
    results = {
        str(message["tool_call_id"]): _text(message) for message in since[last + 1 :] if message["role"] == "tool"
    }
    told = [_tell_one(call["function"], results.get(str(call["id"]), ""), says) for call in since[last]["tool_calls"]]
    return "\n\n".join(told)


def _tell_one(function: Mapping[str, str], content: str, says: str) -> str:
    content = content.strip()
    if says and content and content.replace(",", "").replace(".", "").lstrip("-").isdigit():
        return f"{says}**{content}**"
    if function["name"] == "ask_user":
        return _tell_answers(content)
    if function["name"] in TALKING and "\n" not in content:
        return content
    try:
        announcement = ANNOUNCEMENTS[function["name"]].format(**json.loads(function["arguments"]))
    except (KeyError, ValueError, TypeError):
        announcement = f"The tool `{function['name']}` answered:"
    shown = content[:SHOWN_CHARACTERS] or "(nothing)"
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", shown)), default=0))
    return f"{announcement}\n\n{fence}\n{shown}\n{fence}"


def _tell_answers(content: str) -> str:
    try:
        values = json.loads(content)
    except ValueError:
        values = None
    if not isinstance(values, dict):
        return f"I have no facts from you: {content}"
    listed = "\n".join(f"- {name}: {_plain(value)}" for name, value in values.items())
    return f"Thank you. You told me:\n\n{listed}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "nothing" if value is None else str(value)
