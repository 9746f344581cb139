"""A session to take away: Markdown for people, JSON for programs."""

import re
from typing import Any

from sessions_app.fold import COLLECTIONS, State
from sessions_app.rendering.items import Item, list_items

FORMAT = 1


def session_to_json(state: State) -> dict[str, Any]:
    """Every public row of a session in the order of the page. `format` counts up when a field goes or changes."""
    rows = {name: sorted(state[name].values(), key=lambda row: int(row["position"])) for name in COLLECTIONS.values()}
    return {"format": FORMAT, "session": state["session"], "seq": state["seq"], **rows}


def session_to_markdown(state: State, owner: str) -> str:
    """The conversation as a document; thinking is left out, as it is from every copy."""
    session = state["session"]
    head = [f"# {session['title'] or 'New session'}", f"{session['agent_name']}, {session['created_at'][:10]}"]
    parts = [_PARTS[item.kind](item, owner) for item in list_items(state) if item.kind in _PARTS]
    return "\n\n".join(part for part in head + parts if part) + "\n"


def file_name(title: str, suffix: str) -> str:
    """A name that every system takes."""
    words = re.sub(r"[^a-z0-9]+", "-", title.lower())[:60].strip("-")
    return f"{words or 'session'}.{suffix}"


def _said(item: Item, owner: str) -> str:
    withdrawn = " (withdrawn)" if item.row["status"] == "withdrawn" else ""
    return f"## {owner}{withdrawn}\n\n{item.row['text']}"


def _answered(item: Item, owner: str) -> str:
    if not item.row["text"]:
        return ""
    cut = "\n\n*The answer ends here.*" if item.row["status"] == "incomplete" else ""
    return f"## {item.row['author'] or 'Agent'}\n\n{item.row['text']}{cut}"


def _called(item: Item, owner: str) -> str:
    view, row = item.view, item.row
    elapsed = f", {view['elapsed']}" if view["elapsed"] else ""
    blocks = [f"**{view['title']}** ({view['word']}{elapsed})"]
    blocks += [f"{name}:\n\n{_fenced(value)}" for name, value in view["arguments"]]
    given = row["output"] or str((row["result"] or {}).get("content", ""))
    return "\n\n".join([*blocks, f"Result:\n\n{_fenced(given)}"] if given else blocks)


def _decided(item: Item, owner: str) -> str:
    said = f": “{item.view['said']}”" if item.view["said"] else ""
    return f"*{item.view['sentence']}{said}* {item.row['message']}"


def _open(item: Item, owner: str) -> str:
    return f"*Waits for an answer:* {item.row['message']}"


def _ended(item: Item, owner: str) -> str:
    return f"*{item.row['sentence']}*"


def _fenced(text: str) -> str:
    """A block with a fence longer than any in the text."""
    longest = max((len(found) for found in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text.rstrip()}\n{fence}"


_PARTS = {
    "user_message": _said,
    "assistant_message": _answered,
    "step": _called,
    "receipt": _decided,
    "confirmation": _open,
    "input": _open,
    "recovery": _open,
    "run": _ended,
}
