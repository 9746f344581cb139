"""Two lanes, one text: whatever is lost, doubled or reordered on the way, a reader's text is a prefix of the truth and
whole at the end."""

import asyncio
from collections.abc import Callable
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from agentsite.core.text import utf16_length, utf16_slice
from sessions_app import reader as reader_module
from sessions_app.broker import Hint, LiveText
from sessions_app.fold import JournalEvent
from sessions_app.reader import Reader, Resync, Text

SESSION = uuid4()
RUN = uuid4()
SUBJECTS = [uuid4(), uuid4()]


class Truth:
    """A journal in memory, and what was said."""

    def __init__(self) -> None:
        self.seq = 0
        self.events: list[JournalEvent] = []
        self.said: dict[UUID, str] = {}
        self.stored: dict[UUID, str] = {}
        self.ended: set[UUID] = set()

    def add(self, type_: str, subject: UUID, **data: Any) -> JournalEvent:
        self.seq += 1
        event = JournalEvent(self.seq, type_, RUN, subject, data, "")
        self.events.append(event)
        return event

    def begin(self, subject: UUID) -> JournalEvent:
        self.said[subject] = self.stored[subject] = ""
        return self.add("message.started", subject, message=self._row(subject, "", "streaming"))

    def say(self, subject: UUID, text: str) -> LiveText:
        off = utf16_length(self.said[subject])
        self.said[subject] += text
        return LiveText(SESSION, RUN, subject, "text", off, text)

    def flush(self, subject: UUID) -> JournalEvent | None:
        text = self.said[subject][len(self.stored[subject]) :]
        if not text:
            return None
        off = utf16_length(self.stored[subject])
        self.stored[subject] = self.said[subject]
        return self.add("message.delta", subject, message=str(subject), kind="text", off=off, text=text)

    def end(self, subject: UUID) -> JournalEvent:
        self.stored[subject] = self.said[subject]
        self.ended.add(subject)
        return self.add("message.completed", subject, message=self._row(subject, self.said[subject], "completed"))

    def compact(self) -> None:
        gone = [e for e in self.events if e.type == "message.delta" and e.subject in self.ended]
        self.events = [event for event in self.events if event not in gone]

    def snapshot(self) -> dict[str, Any]:
        rows = {
            str(subject): self._row(subject, text, "completed" if subject in self.ended else "streaming")
            for subject, text in self.stored.items()
        }
        return {"seq": self.seq, "session": {}, "messages": rows, "runs": {}, "steps": {}, "interactions": {}}

    def _row(self, subject: UUID, text: str, status: str) -> dict[str, Any]:
        return {"id": str(subject), "text": text, "reasoning": "", "status": status}


class Tab:
    """A client that folds what its reader emits, and checks that no character comes twice."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.reader = Reader(SESSION)
        self.view: dict[UUID, str] = {}
        self.queue: list[Hint | LiveText] = []

    async def load(self) -> None:
        state = await self.reader.start()
        assert state is not None
        self._set(state)

    async def deliver(self) -> None:
        for item in await self.reader._take():
            if isinstance(item, Text):
                assert item.off == utf16_length(self.view[item.subject])
                self.view[item.subject] += item.text
            elif isinstance(item, Resync):
                self._set(item.state)
            elif "message" in item.data:
                assert item.subject is not None
                self.view[item.subject] = item.data["message"]["text"]

    def _set(self, state: dict[str, Any]) -> None:
        self.view = {UUID(key): row["text"] for key, row in state["messages"].items()}


PIECES = st.text("ab😀é", min_size=1, max_size=4)
OPERATIONS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(SUBJECTS), PIECES),
    st.tuples(st.sampled_from(["flush", "end"]), st.sampled_from(SUBJECTS)),
    st.tuples(st.sampled_from(["compact", "poll", "reconnect"])),
    st.tuples(st.just("deliver"), st.integers(0, 9), st.booleans()),
    st.tuples(st.just("lose"), st.integers(0, 9)),
)


def _speak(truth: Truth, tab: Tab, operation: tuple[Any, ...]) -> None:
    kind, subject = operation[0], operation[1]
    if subject in truth.ended:
        return
    if subject not in truth.said:
        tab.queue.append(Hint(SESSION, truth.seq + 1, (truth.begin(subject),)))
    if kind == "say":
        tab.queue.append(truth.say(subject, operation[2]))
        return
    event = truth.flush(subject) if kind == "flush" else truth.end(subject)
    if event is not None:
        tab.queue.append(Hint(SESSION, event.seq, (event,)))


async def _transport(truth: Truth, tab: Tab, operation: tuple[Any, ...]) -> Tab:
    kind = operation[0]
    if kind == "compact":
        truth.compact()
    elif kind == "poll":
        tab.reader._post(Hint(SESSION, truth.seq))
    elif kind == "reconnect":
        tab.reader.close()
        tab = Tab(truth)
        await tab.load()
    elif tab.queue:
        index = operation[1] % len(tab.queue)
        if kind == "deliver":
            tab.reader._post(tab.queue[index])
        if kind == "lose" or operation[2]:
            tab.queue.pop(index)
    await tab.deliver()
    return tab


async def _story(operations: list[tuple[Any, ...]]) -> None:
    truth = Truth()
    with patch.object(reader_module, "in_database", _in_memory(truth)):
        tab = Tab(truth)
        await tab.load()
        for operation in operations:
            if operation[0] in ("say", "flush", "end"):
                _speak(truth, tab, operation)
            else:
                tab = await _transport(truth, tab, operation)
            for subject, shown in tab.view.items():
                assert truth.said[subject].startswith(shown)
        for subject in truth.said.keys() - truth.ended:
            truth.end(subject)
        tab.reader._post(Hint(SESSION, truth.seq))
        await tab.deliver()
        assert tab.view == truth.said
        tab.reader.close()


def _in_memory(truth: Truth) -> Callable[..., Any]:
    async def call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if function.__name__ == "snapshot":
            return truth.snapshot()
        if function.__name__ == "bounds":
            return 0, truth.seq
        _, after, limit = args
        return [event for event in truth.events if event.seq > after][:limit]

    return call


@settings(max_examples=400, deadline=None)
@given(st.lists(OPERATIONS, max_size=60))
def test_a_readers_text_is_always_a_prefix_and_finally_whole(operations: list[tuple[Any, ...]]) -> None:
    """Loss, doubling, reordering, reconnects and compaction on both lanes."""
    asyncio.run(_story(operations))


def test_utf16_offsets_of_an_emoji_cut_between_pieces() -> None:
    """Offsets count code units as a browser does."""
    assert utf16_length("a😀") == 3
    assert utf16_slice("a😀b", 3) == "b"
