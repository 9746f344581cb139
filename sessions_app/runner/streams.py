"""The text that one run streams: what waits to be stored, and what is carried live meanwhile."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

from agentsite.core.text import utf16_length
from sessions_app import broker
from sessions_app.broker import LiveText
from sessions_app.services.holds import Delta, Hold

STORE_SECONDS = 0.25
STORE_UNITS = 2_048
LIVE_SECONDS = 0.04


class _Stream:
    """One stream: offsets count UTF-16 code units; `stored` and `live` are the pieces not yet sent that way."""

    __slots__ = ("kind", "live", "live_off", "stored", "stored_off", "subject")

    def __init__(self, subject: UUID, kind: str) -> None:
        self.subject = subject
        self.kind = kind
        self.stored: list[str] = []
        self.stored_off = 0
        self.live: list[str] = []
        self.live_off = 0


class Streams:
    """All streams of one held run."""

    def __init__(self, hold: Hold, on_lost: Callable[[], None]) -> None:
        self.hold = hold
        self._on_lost = on_lost
        self._streams: dict[tuple[UUID, str], _Stream] = {}
        self._ended: set[UUID] = set()
        self._since: float | None = None
        self._first = True
        self._units = 0
        self._timer: asyncio.TimerHandle | None = None
        self._last_live = 0.0

    def push(self, subject: UUID, kind: str, text: str) -> None:
        """Take a piece of text; it is carried live at once or within 40 ms."""
        if not text or subject in self._ended:
            return
        stream = self._streams.get((subject, kind))
        if stream is None:
            stream = self._streams[(subject, kind)] = _Stream(subject, kind)
            self._first = True
        stream.stored.append(text)
        stream.live.append(text)
        self._units += len(text)
        if self._since is None:
            self._since = time.monotonic()
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait = max(0.0, self._last_live + LIVE_SECONDS - loop.time())
            self._timer = loop.call_later(wait, self._carry)

    def is_due(self, now: float) -> bool:
        """Whether text waits and it is time to store it."""
        if self._since is None:
            return False
        return self._first or self._units >= STORE_UNITS or now - self._since >= STORE_SECONDS - 0.03

    def take(self) -> list[Delta]:
        """What waits to be stored; it is the caller's now."""
        deltas = []
        for stream in self._streams.values():
            if stream.stored:
                text = "".join(stream.stored)
                stream.stored.clear()
                deltas.append(Delta(stream.subject, stream.kind, stream.stored_off, text))
                stream.stored_off += utf16_length(text)
        self._since = None
        self._first = False
        self._units = 0
        return deltas

    def forget(self, subject: UUID) -> None:
        """A stream has ended: what a straggler of it still says is dropped."""
        self._ended.add(subject)
        for kind in ("text", "reasoning", "output"):
            self._streams.pop((subject, kind), None)

    def lose(self) -> None:
        """Somebody else holds the run."""
        self._on_lost()

    def _carry(self) -> None:
        self._timer = None
        self._last_live = asyncio.get_running_loop().time()
        for stream in self._streams.values():
            if stream.live:
                text = "".join(stream.live)
                stream.live.clear()
                frame = LiveText(
                    self.hold.session_id, self.hold.run_id, stream.subject, stream.kind, stream.live_off, text
                )
                stream.live_off += utf16_length(text)
                broker.carry(frame)
