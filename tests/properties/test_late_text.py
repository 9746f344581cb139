"""Text that comes too late changes nothing: what has ended says what it said."""

import asyncio
from uuid import uuid4

from sessions_app import fold
from sessions_app.fold import JournalEvent
from sessions_app.runner.streams import Streams
from sessions_app.services.holds import Hold

MESSAGE, STEP = str(uuid4()), str(uuid4())


def _event(seq: int, type_: str, **data: object) -> JournalEvent:
    return JournalEvent(seq, type_, None, None, data, "")


def test_a_fold_passes_over_text_of_what_has_ended() -> None:
    """A message that is complete and a step that has succeeded are absolute."""
    state = fold.empty_state()
    ended = [
        _event(1, "message.completed", message={"id": MESSAGE, "status": "completed", "text": "whole"}),
        _event(2, "step.succeeded", step={"id": STEP, "status": "succeeded", "output": "done"}),
    ]
    late = [
        _event(3, "message.delta", message=MESSAGE, kind="text", off=0, text="late"),
        _event(4, "step.output", step=STEP, off=0, text="late"),
    ]
    fold.apply_all(state, [*ended, *late])
    assert (state["messages"][MESSAGE]["text"], state["steps"][STEP]["output"]) == ("whole", "done")
    assert state["seq"] == 4


async def test_a_straggler_of_an_ended_stream_is_not_stored() -> None:
    """A tool's reader that outlives it says nothing more."""
    streams = Streams(Hold(uuid4(), uuid4(), 1, "host:a"), lambda: None)
    tool, other = uuid4(), uuid4()
    streams.push(tool, "output", "in time")
    assert [delta.text for delta in streams.take()] == ["in time"]
    streams.forget(tool)
    streams.push(tool, "output", "late")
    streams.push(other, "output", "another")
    assert [(delta.subject, delta.off, delta.text) for delta in streams.take()] == [(other, 0, "another")]
    await asyncio.sleep(0)
