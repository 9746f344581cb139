"""A reader follows one session for one connection: no gap, nothing twice, text as it comes.

How it stays right: 1. it listens before it reads; 2. it reads the database from its cursor and takes a hint's events
only when they begin right after it; 3. text reaches it in two lanes, and it emits only what continues what it has
emitted; live text that begins beyond that is held until the durable lane fills the gap.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from agentsite.core.reading import in_database
from agentsite.core.text import utf16_length, utf16_slice
from sessions_app import broker
from sessions_app.broker import Hint, LiveText
from sessions_app.fold import JournalEvent, State
from sessions_app.selectors import journal

FURTHEST = 2_000
BUFFER = 2_048
HELD_SECONDS = 2.0
HELD_UNITS = 65_536
_DELTAS = {"message.delta": "message", "step.output": "step"}
_STREAMING = {"message.started", "step.started"}


@dataclass(frozen=True, slots=True)
class Text:
    """A piece that continues what this reader has emitted of (subject, kind).

    `seq`: all durable facts up to it are included.
    """

    subject: UUID
    kind: str
    run_id: UUID | None
    off: int
    text: str
    seq: int


@dataclass(frozen=True, slots=True)
class Resync:
    """Start over from this snapshot: the cursor was too old, too far behind, or beyond the journal."""

    state: State


Item = JournalEvent | Text | Resync


class Reader:
    """One connection's view of one session.

    `messages` bounds its snapshots, None for everything.
    """

    def __init__(self, session_id: UUID, *, messages: int | None = journal.PAGE) -> None:
        self.session_id = session_id
        self.cursor = 0
        self._messages = messages
        self._inbox: deque[Hint | LiveText] = deque()
        self._overflowed = False
        self._wake = asyncio.Event()
        self._lengths: dict[tuple[UUID, str], int] = {}
        self._held: deque[tuple[float, LiveText]] = deque()
        self._first: list[Item] = []
        self._stop: Callable[[], None] | None = None

    async def start(self, after: int | None = None) -> State | None:
        """Begin.

        With `after` nothing is returned and what follows it comes as items; without, a snapshot is. Raises
        NotFoundError.
        """
        self._stop = broker.listen(broker.session_topic(self.session_id), self._post)
        if after is None:
            return await self._load()
        self.cursor = after
        self._inbox.append(Hint(self.session_id, after + 1))
        self._wake.set()
        low, high = await in_database(journal.bounds, self.session_id)
        if after > high or after < low or high - after > FURTHEST:
            self._first.append(Resync(await self._load()))
        return None

    def close(self) -> None:
        """Stop listening."""
        if self._stop is not None:
            self._stop()
            self._stop = None

    async def items(self) -> list[Item]:
        """What comes next; waits until there is something.

        Raises NotFoundError once the session is deleted.
        """
        while True:
            if self._first:
                first, self._first = self._first, []
                return first
            await self._wake.wait()
            self._wake.clear()
            emitted = await self._take()
            if emitted:
                return emitted

    def _post(self, item: Hint | LiveText) -> None:
        if len(self._inbox) >= BUFFER:
            self._inbox.clear()
            self._overflowed = True
        self._inbox.append(item)
        self._wake.set()

    async def _load(self) -> State:
        state = await in_database(journal.snapshot, self.session_id, messages=self._messages)
        self.cursor = state["seq"]
        self._lengths = _lengths(state)
        self._held.clear()
        return state

    async def _take(self) -> list[Item]:
        emitted: list[Item] = []
        inbox, self._inbox = self._inbox, deque()
        if self._overflowed:
            self._overflowed = False
            await self._catch_up(emitted)
        for item in inbox:
            if isinstance(item, LiveText):
                self._take_live(item, emitted)
            elif item.seq > self.cursor:
                await self._take_hint(item, emitted)
        return emitted

    async def _take_hint(self, hint: Hint, emitted: list[Item]) -> None:
        if hint.events and hint.events[0].seq <= self.cursor + 1:
            self._take_events(hint.events, emitted)
        else:
            await self._catch_up(emitted)

    async def _catch_up(self, emitted: list[Item]) -> None:
        events = await in_database(journal.events_after, self.session_id, self.cursor, FURTHEST + 1)
        if not events:
            await in_database(journal.bounds, self.session_id)
        if len(events) > FURTHEST:
            emitted.append(Resync(await self._load()))
            return
        self._take_events(events, emitted)

    def _take_events(self, events: Sequence[JournalEvent], emitted: list[Item]) -> None:
        for event in events:
            if event.seq <= self.cursor:
                continue
            self.cursor = event.seq
            if event.type in _DELTAS:
                self._take_delta(event, emitted)
                continue
            self._follow(event)
            emitted.append(event)

    def _follow(self, event: JournalEvent) -> None:
        """Know where a new stream begins, and forget one that has ended: its text is absolute."""
        if event.subject is None:
            return
        if event.type in _STREAMING:
            for kind in ("text", "reasoning") if event.type.startswith("message") else ("output",):
                self._lengths[(event.subject, kind)] = 0
        elif event.type.startswith(("message", "step")):
            for kind in ("text", "reasoning", "output"):
                self._lengths.pop((event.subject, kind), None)

    def _take_delta(self, event: JournalEvent, emitted: list[Item]) -> None:
        kind = event.data.get("kind", "output")
        assert event.subject is not None
        key = (event.subject, kind)
        self._lengths.setdefault(key, event.data["off"])
        self._emit(key, event.run_id, event.data["off"], event.data["text"], emitted)
        if self._held:
            self._release_held(emitted)

    def _take_live(self, frame: LiveText, emitted: list[Item]) -> None:
        known = self._lengths.get((frame.subject, frame.kind))
        if known is None or frame.off > known:
            self._hold(frame)
        else:
            self._emit((frame.subject, frame.kind), frame.run_id, frame.off, frame.text, emitted)

    def _emit(self, key: tuple[UUID, str], run_id: UUID | None, off: int, text: str, emitted: list[Item]) -> None:
        known = self._lengths[key]
        fresh = text if off == known else utf16_slice(text, known - off)
        if not fresh:
            return
        self._lengths[key] = known + utf16_length(fresh)
        emitted.append(Text(key[0], key[1], run_id, known, fresh, self.cursor))

    def _hold(self, frame: LiveText) -> None:
        now = time.monotonic()
        self._held.append((now, frame))
        size = sum(len(held.text) for _, held in self._held)
        while self._held and (size > HELD_UNITS or now - self._held[0][0] > HELD_SECONDS):
            size -= len(self._held.popleft()[1].text)

    def _release_held(self, emitted: list[Item]) -> None:
        held, self._held = self._held, deque()
        for since, frame in held:
            known = self._lengths.get((frame.subject, frame.kind))
            if known is None or frame.off > known:
                self._held.append((since, frame))
            else:
                self._emit((frame.subject, frame.kind), frame.run_id, frame.off, frame.text, emitted)


def _lengths(state: State) -> dict[tuple[UUID, str], int]:
    """How much of each stream a snapshot holds."""
    lengths: dict[tuple[UUID, str], int] = {}
    for row in state["messages"].values():
        if row["status"] == "streaming":
            for kind in ("text", "reasoning"):
                lengths[(UUID(row["id"]), kind)] = utf16_length(row[kind])
    for row in state["steps"].values():
        if row["status"] == "started" and row["kind"] == "tool":
            lengths[(UUID(row["id"]), "output")] = utf16_length(row["output"])
    return lengths
