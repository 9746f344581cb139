"""A tab: the real reader behind a transport that loses, doubles and reorders, and the fold of what it emits."""

from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch
from uuid import UUID

from agentsite.core.text import utf16_length, utf16_slice
from sessions_app import broker, fold
from sessions_app import reader as reader_module
from sessions_app.broker import Hint, LiveText
from sessions_app.fold import State
from sessions_app.reader import Reader, Resync, Text

FURTHEST = 40
BUFFER = 6
_PLACES = {"text": "messages", "reasoning": "messages", "output": "steps"}


def finish(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


async def _at_once(function: Any, *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


@contextmanager
def transport(tabs: "list[Tab]") -> Iterator[None]:
    """Whatever the broker is given lies before each of `tabs` until a rule delivers or loses it."""

    def put(item: Hint | LiveText) -> None:
        for tab in tabs:
            tab.inbox.append(item)

    with ExitStack() as stack:
        for name, stand_in in (("ring", put), ("carry", put), ("listen", lambda _topic, _callback: lambda: None)):
            stack.enter_context(patch.object(broker, name, stand_in))
        for name, value in (("in_database", _at_once), ("FURTHEST", FURTHEST), ("BUFFER", BUFFER)):
            stack.enter_context(patch.object(reader_module, name, value))
        yield


class Tab:
    """What a person sees, and the cursor to reconnect with."""

    def __init__(self, session_id: UUID) -> None:
        self.session_id = session_id
        self.inbox: list[Hint | LiveText] = []
        self.cursor = 0
        self.load()

    def load(self) -> None:
        """Open the page."""
        self.reader = Reader(self.session_id, messages=None)
        self._set(finish(self.reader.start()))

    def load_from_nothing(self) -> None:
        """A program that begins with an empty state and the first event."""
        self.state = fold.empty_state()
        self.reconnect(0)

    def reconnect(self, after: int | None = None) -> None:
        """Connect again with a cursor; by default the last one this tab was given."""
        self.cursor = self.cursor if after is None else after
        self.reader = Reader(self.session_id, messages=None)
        self._lengths: dict[tuple[UUID, str], int] = {}
        finish(self.reader.start(self.cursor))
        self._take()

    def deliver(self, items: list[Hint | LiveText]) -> None:
        """These arrive, in this order, before the reader looks."""
        for item in items:
            self.reader._post(item)
        self._take()

    def poll(self, seq: int) -> None:
        """The poll rings."""
        self.deliver([Hint(self.session_id, seq)])

    def forget_output(self, step_id: UUID) -> None:
        """A tool begins again: late live frames of its last attempt, which carry no attempt, are not delivered."""

        def late(item: Hint | LiveText) -> bool:
            return isinstance(item, LiveText) and item.subject == step_id

        self.inbox = [item for item in self.inbox if not late(item)]
        for held in [held for held in self.reader._held if late(held[1])]:
            self.reader._held.remove(held)

    def texts(self) -> Iterator[tuple[UUID, str, str]]:
        """Each stream that is still on in this tab: subject, kind, text."""
        for row in self.state["messages"].values():
            if row["status"] == "streaming":
                yield UUID(row["id"]), "text", row["text"]
                yield UUID(row["id"]), "reasoning", row["reasoning"]
        for row in self.state["steps"].values():
            if row["status"] == "started":
                yield UUID(row["id"]), "output", row["output"]

    def _take(self) -> None:
        first, self.reader._first = self.reader._first, []
        for item in [*first, *finish(self.reader._take())]:
            if isinstance(item, Resync):
                self._set(item.state)
            elif isinstance(item, Text):
                self._append(item)
            else:
                assert item.seq > self.cursor, "I3: an event comes once and in order"
                self.cursor = item.seq
                fold.apply(self.state, item)

    def _set(self, state: State) -> None:
        self.state = state
        self.cursor = state["seq"]
        self._lengths = {}

    def _append(self, text: Text) -> None:
        """Each character once a connection; the first piece of a stream after a reconnect may overlap what is shown."""
        row = self.state[_PLACES[text.kind]][str(text.subject)]
        key = (text.subject, text.kind)
        assert text.off <= utf16_length(row[text.kind]), "I3: no gap"
        if key in self._lengths and row[text.kind]:
            assert text.off == self._lengths[key], "I3: nothing twice"
        row[text.kind] = utf16_slice(row[text.kind], 0, text.off) + text.text
        self._lengths[key] = utf16_length(row[text.kind])
        self.cursor = text.seq
