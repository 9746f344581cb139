"""The fold: what a session looks like after an event.

Pure; `apply(snapshot_n, events after n) == snapshot_now`. A state is `{"seq", "session", "messages", "runs", "steps",
"interactions"}`, the last four keyed by id. Every event but a delta carries the whole public rows it changed, so
applying one twice changes nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agentsite.core.text import utf16_slice

State = dict[str, Any]
COLLECTIONS = {"message": "messages", "run": "runs", "step": "steps", "interaction": "interactions"}


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """An event as readers get it, from the journal or from a hint."""

    seq: int
    type: str
    run_id: UUID | None
    subject: UUID | None
    data: dict[str, Any]
    created_at: str


def empty_state() -> State:
    """The state before the first event."""
    return {"seq": 0, "session": {}, "messages": {}, "runs": {}, "steps": {}, "interactions": {}}


def apply(state: State, event: JournalEvent) -> None:
    """Fold one event into `state`, in place.

    What the state already holds is passed over.
    """
    if event.seq <= state["seq"]:
        return
    state["seq"] = event.seq
    if event.type == "message.delta":
        row = state["messages"].get(event.data["message"])
        if row is not None and row["status"] == "streaming":
            _put(row, event.data["kind"], event.data["off"], event.data["text"])
    elif event.type == "step.output":
        row = state["steps"].get(event.data["step"])
        if row is not None and row["status"] == "started":
            _put(row, "output", event.data["off"], event.data["text"])
    else:
        _set_rows(state, event.data)


def apply_all(state: State, events: Iterable[JournalEvent]) -> State:
    """Fold `events` into `state` and return it."""
    for event in events:
        apply(state, event)
    return state


def _put(row: dict[str, Any], field: str, off: int, text: str) -> None:
    row[field] = utf16_slice(row[field], 0, off) + text


def _set_rows(state: State, data: dict[str, Any]) -> None:
    if "session" in data:
        state["session"] = data["session"]
    for name, collection in COLLECTIONS.items():
        if name in data:
            state[collection][data[name]["id"]] = dict(data[name])
