"""What stands in the thread: messages, tool calls, questions and the ends of runs, each by the id of its row.

An item that is not to be seen any more is an empty element with the same id, so that every change replaces by id.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from sessions_app.fold import State
from sessions_app.rendering.ansi import output_to_html
from sessions_app.rendering.fields import argument_fields, form_fields, pretty
from sessions_app.rendering.markdown import markdown_to_html
from sessions_app.representations import Public

SHOWN_STEPS = ("tool", "delegate")
ENDINGS = ("failed", "cancelled")

# status → the word, the icon and the tone of its colour
STEP_STATES = {
    "planned": ("Queued", "clock", "quiet"),
    "waiting": ("Waiting for you", "hand", "waiting"),
    "started": ("Running", "loader", "running"),
    "succeeded": ("Done", "check", "done"),
    "failed": ("Failed", "circle-x", "failed"),
    "denied": ("Not allowed", "ban", "quiet"),
    "cancelled": ("Stopped", "square", "quiet"),
    "unknown": ("May have taken effect", "circle-help", "waiting"),
}
RECEIPTS = {
    "approve": ("Approved by {who}", "check", "done"),
    "edit": ("Approved by {who} with edits", "check", "done"),
    "reject": ("Rejected by {who}", "ban", "failed"),
    "respond": ("Answered by {who} in the tool’s place", "reply", "quiet"),
    "submit": ("Answered by {who}", "check", "done"),
    "decline": ("Declined by {who}", "ban", "quiet"),
    "happened": ("{who} says that it happened", "check", "quiet"),
    "run_again": ("{who} had it run again", "rotate-ccw", "quiet"),
    "skip": ("{who} skipped it", "skip-forward", "quiet"),
    "stop": ("{who} stopped the run", "square", "quiet"),
}
UNANSWERED = {
    "expired": ("Nobody answered in time", "clock", "quiet"),
    "cancelled": ("Closed when the run was stopped", "square", "quiet"),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One element of the thread. `view` is what its template needs beside the row.

    A `hidden` one is not to be seen now; an `absent` one never was and needs no element.
    """

    kind: str
    row: Public
    hidden: bool = False
    absent: bool = False
    view: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The element's id."""
        return item_id(self.row["id"])

    @property
    def template(self) -> str:
        """The partial that renders it."""
        return "chat/items/hidden.html" if self.hidden else f"chat/items/{self.kind}.html"


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person typed into a question's card that could not be taken, with the reason."""

    decision: str = ""
    problem: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


def item_id(row_id: str) -> str:
    """The id of the element that stands for a row."""
    return f"item-{row_id}"


def list_items(state: State) -> list[Item]:
    """Everything to be seen of a state, in the order of the page."""
    items = [describe(collection, row) for collection in _DESCRIBERS for row in state[collection].values()]
    seen = (item for item in items if not item.hidden and not item.absent)
    return sorted(seen, key=lambda item: item.row["position"])


def describe(collection: str, row: Public) -> Item:
    """How one row looks in the thread."""
    return _DESCRIBERS[collection](row)


def render_item(item: Item) -> SafeString:
    """The item's HTML."""
    return render_to_string(item.template, {"item": item})


def describe_question(row: Public, draft: Draft | None = None, *, notice: str = "") -> Item:
    """A question's card while it is open, afterwards its receipt. `notice` is for whoever answered too late."""
    if row["status"] != "pending":
        return Item("receipt", row, view={**_receipt(row), "notice": notice, "at": moment(row["answered_at"])})
    draft = draft or Draft()
    view: dict[str, Any] = {
        "draft": draft,
        "expires_at": moment(row["expires_at"]),
        "decisions": row["allowed_decisions"],
    }
    if row["kind"] == "input":
        view["fields"] = form_fields(item_id(row["id"]), row["schema"] or {}, draft.values, draft.errors)
    else:
        shown = draft.values if draft.decision == "edit" and draft.values else row["arguments"] or {}
        view["call"] = _named(row["arguments"] or {})
        view["edits"] = argument_fields(item_id(row["id"]), shown, draft.errors)
    return Item(str(row["kind"]), row, view=view)


def moment(text: str | None) -> datetime | None:
    """A public time as a datetime."""
    return datetime.fromisoformat(text) if text else None


def _message(row: Public) -> Item:
    if row["role"] == "user":
        view: dict[str, Any] = {"at": moment(row["created_at"])}
        return Item("user_message", row, absent=row["status"] == "queued", view=view)
    streaming = row["status"] == "streaming"
    text, reasoning = row["text"], row["reasoning"]
    view = {
        "streaming": streaming,
        "at": moment(row["created_at"]),
        "html": "" if streaming else markdown_to_html(text),
        "text": _preformatted(text),
        "reasoning": _preformatted(reasoning),
        "cut": row["status"] == "incomplete",
        "since": row["created_at"],
        "thought": _thought(row),
    }
    return Item("assistant_message", row, hidden=row["status"] == "superseded", view=view)


def _thought(row: Public) -> str:
    seconds = row["thought_seconds"]
    return "" if seconds is None else f"{seconds:.0f} s" if seconds >= 1 else "a moment"


def _step(row: Public) -> Item:
    word, icon, tone = _step_state(row)
    display, result = row["display"] or {}, row["result"] or {}
    data = result.get("data") or {}
    arguments = row["effective_arguments"] if row["effective_arguments"] is not None else row["arguments"]
    view = {
        "word": word,
        "icon": icon,
        "tone": tone,
        "running": row["status"] == "started",
        "tool_icon": display.get("icon") or "wrench",
        "title": display.get("title") or row["tool"],
        "key_argument": display.get("key_argument", ""),
        "arguments": _named(arguments if isinstance(arguments, dict) else {"arguments": arguments}),
        "output": _preformatted(output_to_html(row["output"], finished=row["status"] != "started")),
        "content": _result_text(row, str(result.get("content", ""))),
        "diff": _diff(data.get("diff", "")),
        "since": row["started_at"],
        "elapsed": _elapsed(row["started_at"], row["ended_at"]),
    }
    return Item("step", row, hidden=row["status"] == "waiting", absent=row["kind"] not in SHOWN_STEPS, view=view)


def _question(row: Public) -> Item:
    return describe_question(row)


def _run(row: Public) -> Item:
    untold = row["status"] == "cancelled" and row["started_at"] is None
    absent = row["status"] not in ENDINGS or untold or row["parent_id"] is not None
    return Item("run", row, absent=absent, view={"at": moment(row["ended_at"])})


_DESCRIBERS = {"messages": _message, "steps": _step, "interactions": _question, "runs": _run}


def _receipt(row: Public) -> dict[str, Any]:
    words, icon, tone = RECEIPTS.get(row["decision"]) or UNANSWERED.get(row["status"], UNANSWERED["cancelled"])
    answer = row["answer"] or {}
    if row["decision"] == "edit":
        details = _named(answer.get("arguments", {}))
    else:
        details = _named(answer.get("values", {}))
    said = answer.get("reason") or answer.get("content") or ""
    sentence = words.format(who=row["answered_by"] or "Somebody")
    return {"sentence": sentence, "icon": icon, "tone": tone, "details": details, "said": said}


def _named(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " ").capitalize(), pretty(value)) for name, value in values.items()]


def _preformatted(text: str) -> str:
    """A `<pre>` swallows one line break at its beginning: give it one to swallow."""
    if not text.startswith("\n"):
        return text
    return SafeString(f"\n{text}") if isinstance(text, SafeString) else f"\n{text}"


def _step_state(row: Public) -> tuple[str, str, str]:
    """The state of a call; a command that ended with an exit code of its own did run, and did not succeed."""
    exit_code = ((row["result"] or {}).get("data") or {}).get("exit_code")
    if row["status"] == "succeeded" and exit_code:
        return f"Exit code {exit_code}", "circle-x", "failed"
    return STEP_STATES[row["status"]]


def _result_text(row: Public, content: str) -> str:
    """What a tool gave, without what its live output or its diff shows already."""
    diff = str(((row["result"] or {}).get("data") or {}).get("diff", ""))
    for shown in (diff, row["output"].strip()):
        content = content.replace(shown, "") if shown else content
    content = content.strip("\n")
    return "" if diff and content.endswith(":") else _preformatted(content)  # it only announced the diff


def _diff(diff: str) -> list[tuple[str, str]]:
    """A unified diff as lines with their kind: add, delete, place or same."""
    kinds = {"+": "add", "-": "delete", "@": "place"}
    lines = [line for line in diff.splitlines() if not line.startswith(("--- ", "+++ "))]
    return [(kinds.get(line[:1], "same"), line) for line in lines]


def _elapsed(started_at: str | None, ended_at: str | None) -> str:
    start, end = moment(started_at), moment(ended_at)
    if start is None or end is None:
        return ""
    seconds = (end - start).total_seconds()
    if seconds < 0.1:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
