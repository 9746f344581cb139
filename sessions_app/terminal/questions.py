"""Puts a question to the person at the terminal: the exact call, then a decision and what belongs to it."""

import json
from typing import Any

from sessions_app.forms import Answer
from sessions_app.protocol.shapes import form_fields
from sessions_app.rendering.fields import pretty
from sessions_app.representations import Public
from sessions_app.terminal.screen import Screen

SESSION = "session"
WORDS = {
    "approve": ("approve", "a"),
    SESSION: ("session (approve for all of it)", "s"),
    "edit": ("edit", "e"),
    "reject": ("reject", "r"),
    "respond": ("write the result yourself", "w"),
    "happened": ("happened", "h"),
    "run_again": ("again (run it again)", "a"),
    "skip": ("skip", "s"),
    "stop": ("stop the run", "x"),
}
_REFUSALS = {"confirmation": "reject", "input": "decline", "recovery": "stop"}
_YES_AND_NO = {"y": True, "yes": True, "n": False, "no": False}


def refusal(row: Public, reason: str = "") -> Answer:
    """The answer where nobody gives one: silence is never consent."""
    return Answer(_REFUSALS[row["kind"]], reason=reason)


def ask_person(screen: Screen, row: Public) -> Answer:
    """The person's answer; the end of the input refuses."""
    try:
        return _fill_in(screen, row) if row["kind"] == "input" else _decide(screen, row)
    except EOFError:
        return refusal(row)


def _decide(screen: Screen, row: Public) -> Answer:
    screen.note("")
    screen.note(row["message"])
    for line in call_lines(row):
        screen.note(f"  {line}")
    if row["risk"]:
        screen.note(f"  Risk: {row['risk']}. {row['risk_reason']}".rstrip())
    decision = _decision(screen, row)
    if decision == SESSION:
        return Answer("approve", scope="session")
    if decision == "edit":
        return Answer("edit", arguments=_edited(screen, row["arguments"]))
    if decision == "reject":
        return Answer("reject", reason=screen.ask("Why (may be empty)?"))
    if decision == "respond":
        return Answer("respond", reason=_several_lines(screen, "The result that the agent gets"))
    return Answer(decision)


def call_lines(row: Public) -> list[str]:
    """The exact call, a line or a block for each argument."""
    lines = [row["tool"]] if row["tool"] else []
    for name, value in row["arguments"].items():
        text = pretty(value)
        if "\n" in text:
            lines += [f"  {name}:", *(f"    {line}" for line in text.split("\n"))]
        else:
            lines.append(f"  {name}: {text}")
    return lines


def _decision(screen: Screen, row: Public) -> str:
    decisions: list[str] = list(row["allowed_decisions"])
    if row["grantable"]:
        decisions.insert(1, SESSION)
    offer = ", ".join(f"{WORDS[decision][0]} [{WORDS[decision][1]}]" for decision in decisions)
    while True:
        typed = screen.ask(f"{offer}:").strip().lower()
        for decision in decisions:
            if typed in (decision, WORDS[decision][1], WORDS[decision][0].split()[0]):
                return decision
        screen.note("Type one of the letters in brackets. Ctrl-C stops the run.")


def _edited(screen: Screen, arguments: dict[str, Any]) -> dict[str, Any]:
    edited = {}
    for name, value in arguments.items():
        if not isinstance(value, str):
            edited[name] = _json(screen, name, value)
        elif "\n" in value:
            edited[name] = _several_lines(screen, f"{name} (empty keeps it)") or value
        else:
            edited[name] = screen.ask(f"{name} [{value}]:") or value
    return edited


def _json(screen: Screen, name: str, value: Any) -> Any:
    while True:
        typed = screen.ask(f"{name} [{json.dumps(value, ensure_ascii=False)}]:").strip()
        if not typed:
            return value
        try:
            return json.loads(typed)
        except ValueError:
            screen.note("This is not JSON. Numbers and true or false stand alone, texts in double quotes.")


def _several_lines(screen: Screen, prompt: str) -> str:
    screen.note(f"{prompt}; a line with a single dot ends it:")
    lines: list[str] = []
    while (line := screen.ask(">")) != ".":
        lines.append(line)
    return "\n".join(lines)


def _fill_in(screen: Screen, row: Public) -> Answer:
    screen.note("")
    screen.note(row["message"])
    if not _yes_or_no(screen, "Answer it? Enter for yes, n declines:", True):
        return Answer("decline", reason=screen.ask("Why (may be empty)?"))
    return Answer("submit", values={field["name"]: _field(screen, field) for field in form_fields(row["schema"] or {})})


def _field(screen: Screen, field: dict[str, Any]) -> Any:
    if field["description"]:
        screen.note(f"  {field['description']}")
    title, value = field["title"], field["value"]
    shown = f"{title} [{value}]:" if value not in (None, "") else f"{title}:"
    match field["type"]:
        case "secret":
            return screen.ask_secret(f"{title} (not shown):")
        case "checkbox":
            return _yes_or_no(screen, f"{title} (y/n) [{'y' if value else 'n'}]:", bool(value))
        case "choice":
            return _choice(screen, title, field["options"], value)
        case "number" | "integer":
            return _number(screen.ask(shown).strip(), value)
    return screen.ask(shown) or value or ""


def _yes_or_no(screen: Screen, prompt: str, default: bool) -> bool:
    while (typed := screen.ask(prompt).strip().lower()) not in _YES_AND_NO:
        if not typed:
            return default
        screen.note("Type y or n.")
    return _YES_AND_NO[typed]


def _choice(screen: Screen, title: str, options: list[Any], default: Any) -> Any:
    for number, option in enumerate(options, start=1):
        screen.note(f"  {number}. {option}")
    while True:
        typed = screen.ask(f"{title} (number or text){f' [{default}]' if default else ''}:").strip()
        if not typed:
            return default
        for number, option in enumerate(options, start=1):
            if typed in (str(option), str(number)):
                return option
        screen.note("That is none of them.")


def _number(typed: str, default: Any) -> Any:
    """A number, or the text as it is: the service says what is wrong with it."""
    if not typed:
        return default
    for convert in (int, float):
        try:
            return convert(typed)
        except ValueError:
            continue
    return typed
