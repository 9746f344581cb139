"""From a snapshot to the frames that rebuild the page."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from sessions_app.fold import State
from sessions_app.protocol.outgoing import started
from sessions_app.protocol.shapes import (
    Frame,
    interaction_frame,
    message_view,
    run_end,
    run_sentence,
    step_sentence,
)

_LAST = float("inf")
_LIVE = ("queued", "running", "waiting", "cancelling")
_Placed = tuple[float, int, Frame]


def initial_state(session_id: UUID, state: State, saved_messages: int) -> Frame:
    """The frame that replaces all that a client has; `saved_messages` is how many the session keeps."""
    frames = state_frames(session_id, state)
    return {
        "type": "initial_state",
        "session_id": str(session_id),
        "session": state["session"],
        "seq": state["seq"],
        "state_messages": frames,
        "state_count": len(frames),
        "saved_state_messages": saved_messages,
        "before": state["before"],
    }


def state_frames(session_id: UUID, state: State) -> list[Frame]:
    """Frames of the live shapes in the order of the page; their seq is the snapshot's."""
    placed = [*_messages(state), *_steps(state), *_interactions(state), *_runs(state)]
    placed.sort(key=lambda item: item[:2])
    head = {"seq": state["seq"], "session_id": str(session_id)}
    return [{"type": frame.pop("type"), **head, "run_id": frame.pop("run_id"), **frame} for _, _, frame in placed]


def _messages(state: State) -> Iterator[_Placed]:
    for row in state["messages"].values():
        if row["status"] == "superseded":
            continue
        place, run_id, streaming = row["position"], row["run_id"], row["status"] == "streaming"
        view = message_view(row, "") if streaming else message_view(row)
        yield place, 0, {"type": "message", "run_id": run_id, "message": view}
        if not streaming:
            continue
        for order, (kind, event) in enumerate((("reasoning", "reasoning"), ("text", "delta")), start=1):
            if row[kind]:
                so_far = {"off": 0, "data": {"content": row[kind], "event": event}}
                yield place, order, {"type": "generating", "run_id": run_id, "message_id": row["id"], **so_far}


def _steps(state: State) -> Iterator[_Placed]:
    """Each step's row holds its output so far."""
    for row in state["steps"].values():
        if row["kind"] != "model":
            frame = {"type": "stream", "event": f"step.{row['status']}", "content": step_sentence(row), "step": row}
            yield row["position"], 4, {"run_id": row["run_id"], **frame}


def _interactions(state: State) -> Iterator[_Placed]:
    """Open questions; of a closed one its step tells what came of it."""
    for row in state["interactions"].values():
        if row["status"] == "pending":
            yield row["position"], 5, {"run_id": row["run_id"], **interaction_frame(row)}


def _runs(state: State) -> Iterator[_Placed]:
    """How runs of the session's own failed or were stopped, and what is on; messages tell of completed ones."""
    for row in state["runs"].values():
        if row["parent_id"] is None and row["status"] in ("failed", "cancelled"):
            yield row["position"], 6, {"run_id": row["id"], **_ended(row)}
        if row["status"] in _LIVE:
            yield from _live_run(state, row)


def _live_run(state: State, row: Frame) -> Iterator[_Placed]:
    prompt = state["messages"].get(row["prompt_id"])
    if row["started_at"] and row["parent_id"] is None:
        place = prompt["position"] if prompt else 0
        yield place, 3, {"run_id": row["id"], **started(row, None)}
    if row["status"] != "running":
        event = f"run.{row['status']}"
        frame = {"type": "stream", "event": event, "content": run_sentence(event, row), "run": row}
        yield _LAST, 7, {"run_id": row["id"], **frame}


def _ended(row: Frame) -> dict[str, Any]:
    frame = run_end(row)
    assert frame is not None
    return frame
