"""From what a reader emits to JSON frames. An event is one frame at most: no cursor stands in the middle of a fact."""

import json
from collections.abc import Iterable, Iterator, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any
from uuid import UUID

from agentsite.core.errors import AppError
from sessions_app.fold import JournalEvent
from sessions_app.protocol.shapes import (
    Frame,
    interaction_frame,
    message_view,
    resolution_fields,
    run_end,
    run_sentence,
    step_sentence,
)
from sessions_app.reader import Text

REMEMBERED = 64
# ASCII, so that no text, however broken, can fail on its way out.
_encode = json.JSONEncoder(separators=(",", ":")).encode


def encode(frame: Frame) -> str:
    """A frame as the text that goes over the wire."""
    return _encode(frame)


RESTARTING = encode(
    {"type": "server_restarting", "content": "The server restarts. Connect again in a moment; nothing is lost."}
)


def ready(session_id: UUID) -> str:
    """The first frame of a connection."""
    return encode({"type": "connection_ready", "session_id": str(session_id)})


def event_frame(session_id: UUID, event: JournalEvent) -> Frame | None:
    """The frame of a durable fact; None for one that clients need not know (a model call: its message tells of it)."""
    noun = event.type.partition(".")[0]
    fields = _BY_NOUN[noun](event)
    if fields is None:
        return None
    run_id = str(event.run_id) if event.run_id else None
    return {"type": fields.pop("type"), "seq": event.seq, "session_id": str(session_id), "run_id": run_id, **fields}


def error_detail(error: AppError) -> Frame:
    """An error as frames carry it."""
    return {"code": error.code, "message": error.message, "details": error.details}


def _message(event: JournalEvent) -> Frame | None:
    row = event.data["message"]
    if event.type != "message.completed":
        return {"type": "message", "message": message_view(row)}
    data = {"content": row["text"], "event": "completed", "reasoning": row["reasoning"]}
    return {"type": "generating", "message_id": row["id"], "off": 0, "data": data}


def _run(event: JournalEvent) -> Frame:
    row = event.data["run"]
    if row["parent_id"] is None:
        if event.type == "run.started":
            prompt = event.data.get("message")
            return started(row, message_view(prompt) if prompt else None)
        ended = run_end(row)
        if ended is not None:
            return ended
    return {"type": "stream", "event": event.type, "content": run_sentence(event.type, row), "run": row}


def started(row: Frame, prompt: Frame | None) -> Frame:
    """The frame that a run of the session's own has begun."""
    return {"type": "task_started", "content": f"{row['agent_name'] or 'The agent'} has begun.", "message": prompt}


def _step(event: JournalEvent) -> Frame | None:
    row = event.data["step"]
    if row["kind"] == "model":
        return None
    return {"type": "stream", "event": event.type, "content": step_sentence(row), "step": row}


def _interaction(event: JournalEvent) -> Frame:
    row = event.data["interaction"]
    return resolution_fields(row) if event.type == "interaction.resolved" else interaction_frame(row)


def _session(event: JournalEvent) -> Frame:
    row = event.data["session"]
    return {"type": "stream", "event": event.type, "content": row["title"], "session": row}


_BY_NOUN: dict[str, Any] = {
    "message": _message,
    "run": _run,
    "step": _step,
    "interaction": _interaction,
    "session": _session,
}


class Writer:
    """Writes the frames of one connection. Text is the hot path: all of a frame but its text is made once a stream."""

    def __init__(self, session_id: UUID) -> None:
        self.session_id = session_id
        self._frames: dict[tuple[UUID, str], tuple[str, str]] = {}

    def write(self, items: Iterable[JournalEvent | Text]) -> Iterator[tuple[int | None, str]]:
        """The frames of `items`, each with its seq if it is a durable fact; neighbouring pieces of text become one."""
        for item in joined(items):
            if isinstance(item, Text):
                yield None, self._text(item)
            else:
                frame = event_frame(self.session_id, item)
                if frame is not None:
                    yield item.seq, encode(frame)

    def _text(self, text: Text) -> str:
        key = (text.subject, text.kind)
        frame = self._frames.get(key)
        if frame is None:
            frame = self._remember(key, text)
        return f'{frame[0]}{encode_basestring_ascii(text.text)}{frame[1]}"off":{text.off},"seq":{text.seq}}}'

    def _remember(self, key: tuple[UUID, str], text: Text) -> tuple[str, str]:
        run_id = f'"{text.run_id}"' if text.run_id else "null"
        facts = f'"session_id":"{self.session_id}","run_id":{run_id}'
        if text.kind == "output":
            head = f'{{"type":"stream",{facts},"event":"step.output","step_id":"{text.subject}","content":'
            frame = (head, ",")
        else:
            event = "delta" if text.kind == "text" else text.kind
            head = f'{{"type":"generating",{facts},"message_id":"{text.subject}","data":{{"event":"{event}","content":'
            frame = (head, "},")
        if len(self._frames) >= REMEMBERED:
            self._frames.clear()
        self._frames[key] = frame
        return frame


def joined(items: Iterable[JournalEvent | Text]) -> Iterator[JournalEvent | Text]:
    """`items` with neighbouring pieces of the same text put together: a reader emits them without a gap."""
    pieces: list[Text] = []
    for item in items:
        if pieces and not (isinstance(item, Text) and _continues(pieces[0], item)):
            yield _together(pieces)
            pieces = []
        if isinstance(item, Text):
            pieces.append(item)
        else:
            yield item
    if pieces:
        yield _together(pieces)


def _continues(first: Text, piece: Text) -> bool:
    return first.subject == piece.subject and first.kind == piece.kind


def _together(pieces: Sequence[Text]) -> Text:
    if len(pieces) == 1:
        return pieces[0]
    first, last = pieces[0], pieces[-1]
    return Text(first.subject, first.kind, first.run_id, first.off, "".join(piece.text for piece in pieces), last.seq)
