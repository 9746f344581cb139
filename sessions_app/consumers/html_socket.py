"""The socket of the chat page: frames of HTML, rendered from the partials that the page includes.

A frame is `{seq, content, target, swap}`. `outerMorph` puts an element in the place of the one with its id, or at the
end of the thread when it is new; applying it twice changes nothing. Only a text tail has `beforeend`. A frame without
content is a heartbeat.

How it stays right: 1. the reader begins with a snapshot, from which what changed since the page's cursor is rendered;
2. what is streaming is then sent whole, and its tails continue exactly there; 3. all frames of a batch but the last
carry the cursor from before the batch, so that whoever loses the connection in between gets the rest again.
"""

import asyncio
import json
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils.html import escape

from agentsite.core.reading import in_database
from sessions_app import fold
from sessions_app.consumers.base import SessionSocket
from sessions_app.fold import JournalEvent, State
from sessions_app.reader import FURTHEST, Item, Resync
from sessions_app.rendering import thread
from sessions_app.rendering.ansi import Terminal
from sessions_app.rendering.regions import Surroundings, announcement, render_regions, surroundings
from sessions_app.selectors import journal

HEARTBEAT_SECONDS = 20.0
TARGETS = {"text": "#message-{}-text", "reasoning": "#message-{}-reasoning", "output": "#step-{}-output"}
Frame = dict[str, Any]


class HtmlSocket(SessionSocket):
    """Follows one session for one page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cursor = 0
        self._page_seq: int | None = None
        self._state: State = fold.empty_state()
        self._around: Surroundings | None = None
        self._regions: dict[str, str] = {}
        self._terminals: dict[str, Terminal] = {}
        self._heart: asyncio.Task[None] | None = None

    async def opened(self, state: State | None) -> None:
        """Send what changed since the page was rendered, or everything when that cannot be told."""
        assert state is not None
        touched = await self._touched_since_page(state)
        if touched is None:
            await self._resync(state)
        else:
            self._state, self._cursor = state, state["seq"]
            keys = thread.in_order(state, touched | thread.streaming(state))
            frames = self._fragments(dict.fromkeys(keys)) + self._changed_regions()
            await self._send_batch(frames, self._page_seq or 0)
            self._forget()
        self._heart = asyncio.create_task(self._beat())

    async def show(self, items: list[Item]) -> None:
        """Send a batch: tails of text that the page has, then one fragment for each row that changed."""
        for index in range(len(items) - 1, -1, -1):
            item = items[index]
            if isinstance(item, Resync):
                await self._resync(item.state)
                items = items[index + 1 :]
                break
        before = self._cursor
        tails, touched, events = self._fold(items)
        frames = [self._tail(*key, text) for key, text in tails.items()] + self._fragments(touched)
        if events:
            frames += self._changed_regions()
            spoken = announcement(events)
            frames += [{"content": escape(spoken), "target": "#announcer", "swap": "innerHTML"}] if spoken else []
        await self._send_batch(frames, before)
        self._forget()

    def _fold(self, items: Iterable[Item]) -> tuple[dict[tuple[UUID, str], str], thread.Touched, list[JournalEvent]]:
        """What the items do: text to append to what the page has, rows to render anew, and the events among them."""
        tails: dict[tuple[UUID, str], str] = {}
        touched: thread.Touched = {}
        events: list[JournalEvent] = []
        for item in items:
            if isinstance(item, Resync):
                continue
            self._cursor = max(self._cursor, item.seq)
            if isinstance(item, JournalEvent):
                fold.apply(self._state, item)
                touched.update(dict.fromkeys(thread.keys_of(item), item.seq))
                events.append(item)
            elif not thread.extend(self._state, touched, item.subject, item.kind, item.text):
                key = (item.subject, item.kind)
                tails[key] = tails.get(key, "") + item.text
        return tails, touched, events

    async def _touched_since_page(self, state: State) -> set[thread.Key] | None:
        """The rows that changed after the page's cursor; None when the page must be replaced."""
        if self._page_seq is None or self._page_seq > state["seq"]:
            return None
        low, _ = await in_database(journal.bounds, self.session_id)
        events = await in_database(journal.events_after, self.session_id, self._page_seq, FURTHEST + 1)
        if self._page_seq < low or len(events) > FURTHEST:
            return None
        touched = {key for event in events if event.seq <= state["seq"] for key in thread.keys_of(event)}
        return touched if all(row in state[collection] for collection, row in touched) else None

    async def _resync(self, state: State) -> None:
        """One frame with the whole thread and, beside it, every region."""
        self._state, self._cursor = state, state["seq"]
        self._around = surroundings(state)
        self._regions = render_regions(self._around)
        beside = render_regions(self._around, beside=True).values()
        whole = thread.render_whole(state, self._around, beside)
        await self._send_batch([{"content": whole.strip(), "target": "#thread", "swap": "outerMorph"}], state["seq"])
        self._forget()

    def _fragments(self, touched: thread.Touched) -> list[Frame]:
        """A frame for each of these rows that has a place on the page."""
        fragments = [(key, thread.render_row(self._state, key, seq)) for key, seq in touched.items()]
        return [
            {"content": html, "target": f"#{thread.element_id(key)}", "swap": "outerMorph"}
            for key, html in fragments
            if html
        ]

    def _changed_regions(self) -> list[Frame]:
        """The regions that look different from what this connection was last sent."""
        around = surroundings(self._state)
        if around == self._around or (self._around is None and self._page_seq == self._cursor):
            self._around = around
            return []
        regions, self._around = render_regions(around), around
        changed = [(element, html) for element, html in regions.items() if self._regions.get(element) != html]
        self._regions = regions
        return [{"content": html, "target": f"#{element}", "swap": "outerMorph"} for element, html in changed]

    def _tail(self, subject: UUID, kind: str, text: str) -> Frame:
        terminal = self._terminals.get(str(subject)) if kind == "output" else None
        html = terminal.feed(text) if terminal else escape(text)
        return {"content": html, "target": TARGETS[kind].format(subject), "swap": "beforeend"}

    def _open_terminals(self) -> None:
        """Where the output on the page has come to; forgotten when its call has ended."""
        for key, row in self._state["steps"].items():
            self._terminals.pop(key, None)
            if row["status"] == "started":
                self._terminals[key] = Terminal()
                self._terminals[key].feed(row["output"])

    def _forget(self) -> None:
        """Let go of what is on the page now."""
        self._open_terminals()
        thread.trim(self._state)

    async def _send_batch(self, frames: list[Frame], before: int) -> None:
        for number, frame in enumerate(frames, 1):
            seq = self._cursor if number == len(frames) else before
            await self.send_text(json.dumps({"seq": seq, **frame}, ensure_ascii=False))

    async def _beat(self) -> None:
        while not self.gone:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            await self.send_text(json.dumps({"seq": self._cursor}))

    async def _enter(self) -> int | None:
        """As every socket, but the reader begins with a snapshot: fragments are rendered from state."""
        refusal = await super()._enter()
        self._page_seq, self.after = self.after, None
        return refusal

    def _let_go(self) -> None:
        super()._let_go()
        if self._heart is not None:
            self._heart.cancel()
