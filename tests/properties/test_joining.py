"""Whoever joins in the middle of an answer is live at once; whoever is told nothing still gets everything."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from unittest.mock import patch
from uuid import UUID

from agentsite.core.text import utf16_length
from sessions_app import broker
from sessions_app.broker import Hint, LiveText
from sessions_app.fold import JournalEvent, State
from sessions_app.models import Message, Run
from sessions_app.reader import Reader, Text
from sessions_app.runner.runtime import POLL_SECONDS
from tests.runner.test_runs import answers
from tests.support.model_server import text
from tests.support.puppets import puppet
from tests.support.site import Site, wait_for

LIVE_SECONDS = 0.4
WORDS = 150
WORDS_A_SECOND = 50.0
ANSWER = " ".join(f"word{number}😀" for number in range(WORDS))


class Follower:
    """A tab that joins at some moment: what it shows of the answer, and when each piece of it came."""

    def __init__(self, session_id: UUID) -> None:
        self.reader = Reader(session_id)
        self.shown = ""
        self.pieces: list[tuple[float, int]] = []
        self.events: list[tuple[datetime, JournalEvent]] = []
        self.joined_at = 0.0

    async def follow(self, delay_seconds: float = 0.0) -> None:
        """Join after a while and stay to the end of the run."""
        await asyncio.sleep(delay_seconds)
        self.joined_at = time.monotonic()
        state = await self.reader.start()
        assert state is not None
        self._begin(state)
        while not any(event.type == "run.completed" for _, event in self.events):
            for item in await self.reader.items():
                if isinstance(item, Text):
                    self._add(item)
                elif isinstance(item, JournalEvent):
                    self.events.append((datetime.now(UTC), item))
        self.reader.close()

    def live_after_seconds(self, carried: list[tuple[float, int]]) -> float:
        """How long it took until what was shown reached what was being said."""
        for at, end in self.pieces:
            said = max((to for when, to in carried if when <= at), default=0)
            if end >= said:
                return at - self.joined_at
        raise AssertionError("it was never live")

    def _begin(self, state: State) -> None:
        texts = [row["text"] for row in state["messages"].values() if row["role"] == "assistant"]
        self.shown = "".join(texts)

    def _add(self, piece: Text) -> None:
        assert piece.off == utf16_length(self.shown), "no gap and nothing twice"
        self.shown += piece.text
        self.pieces.append((time.monotonic(), utf16_length(self.shown)))


def _begin(site: Site) -> Run:
    site.model.script(text(ANSWER, tokens_per_second=WORDS_A_SECOND))
    run = site.send(site.session(puppet(answers)), "talk")
    wait_for(lambda: Message.objects.filter(run=run, status="streaming").exists())
    return run


async def _all(followers: list[Follower], delays: list[float]) -> None:
    await asyncio.gather(*(one.follow(delay) for one, delay in zip(followers, delays, strict=True)))


def test_who_joins_in_the_middle_is_live_within_400_milliseconds(site: Site) -> None:
    """Live frames that begin beyond what a reader has wait for the durable lane, which fills the gap."""
    carried: list[tuple[float, int]] = []
    carry = broker.carry

    def noted(frame: LiveText) -> None:
        carried.append((time.monotonic(), frame.off + utf16_length(frame.text)))
        carry(frame)

    with patch.object(broker, "carry", noted):
        run = _begin(site)
        followers = [Follower(run.session_id) for _ in range(9)]
        asyncio.run(_all(followers, [0.4 + 0.23 * number for number in range(9)]))
    assert [one.shown for one in followers] == [ANSWER] * 9
    late = sorted(one.live_after_seconds(carried) for one in followers)
    assert late[len(late) // 2] <= LIVE_SECONDS, late


def test_with_every_hint_lost_the_poll_brings_everything(site: Site) -> None:
    """Nothing is carried, nobody rings but the poll: each event comes within its interval and a second."""
    ring: Callable[[Hint], None] = broker.ring

    def polls_only(hint: Hint) -> None:
        if not hint.events:
            ring(hint)

    with patch.object(broker, "carry", lambda frame: None), patch.object(broker, "ring", polls_only):
        run = _begin(site)
        follower = Follower(run.session_id)
        asyncio.run(_all([follower], [0.0]))
    assert follower.shown == ANSWER
    waited = [(at - datetime.fromisoformat(event.created_at)).total_seconds() for at, event in follower.events]
    assert max(waited) <= POLL_SECONDS + 1.0, waited
