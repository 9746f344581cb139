"""A page that follows its session: what it shows after the frames is what a fresh page shows."""

import json
import re
from html import unescape
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from agentsite.access.models import User
from agentsite.access.services import create_token
from agentsite.access.socket_authentication import SocketAuthentication
from sessions_app.consumers import html_socket
from sessions_app.models import Session
from sessions_app.rendering.items import list_items, render_item
from sessions_app.rendering.regions import render_regions, surroundings
from sessions_app.routing import websocket_urlpatterns
from sessions_app.selectors.journal import snapshot
from sessions_app.services.interactions import answer_interaction
from sessions_app.services.runs import cancel_session
from tests.support.json_client import sync
from tests.support.scribe import Scribe

pytestmark = pytest.mark.django_db(transaction=True)
Frame = dict[str, Any]
NEW = re.compile(r'^<\w+\s+id="(item-[^"]+)"')
OUTSIDE = ("#announcer",)


class Page:
    """What a browser holds of a session: elements by id, in order, and a connection that changes them."""

    def __init__(self, session: Session, token: str) -> None:
        self.session_id = session.id
        self.token = token
        self.items: dict[str, str] = {}
        self.regions: dict[str, str] = {}
        self.announced: list[str] = []
        self.frames: list[Frame] = []
        self.seq = 0

    @classmethod
    async def load(cls, scribe: Scribe) -> "Page":
        """Open the page."""
        _, token = await sync(create_token)(user=scribe.owner)
        page = cls(scribe.session, token)
        await page.reload()
        return page

    async def reload(self) -> None:
        """Take everything as the page's view renders it."""
        self.items, self.regions, self.seq = await sync(rendered)(self.session_id)

    async def connect(self, after: int | None = None) -> None:
        """Follow the session from the page's cursor."""
        after = self.seq if after is None else after
        self.wire = communicator(self.session_id, self.token, f"?after={after}")
        accepted, _ = await self.wire.connect(timeout=5)
        assert accepted

    async def settle(self) -> list[Frame]:
        """Apply frames until nothing more comes."""
        frames = []
        while not await self.wire.receive_nothing(timeout=0.3):
            frames.append(json.loads(await self.wire.receive_from()))
            self.apply(frames[-1])
        self.frames += frames
        return frames

    def apply(self, frame: Frame) -> None:
        """As static/js/socket.js does."""
        target, swap = frame.get("target", ""), frame.get("swap")
        if target == "#thread":
            self.replace_all(frame["content"])
        elif target in OUTSIDE:
            self.announced.append(unescape(frame["content"]))
        elif swap == "beforeend":
            self.append(target[1:], frame["content"])
        elif target.startswith("#item-"):
            self.items[target[1:]] = frame["content"]
        elif target:
            self.regions[target[1:]] = frame["content"]
        self.seq = frame["seq"]

    def append(self, element: str, content: str) -> None:
        """Put a tail at the end of a `<pre>`, which must be there."""
        owner = next(key for key, html in self.items.items() if f'id="{element}"' in html)
        start = self.items[owner].index(f'id="{element}"')
        end = self.items[owner].index("</pre>", start)
        if self.items[owner][end - 1] == ">" and content.startswith("\n"):
            content = f"\n{content}"  # only the parser of a page drops a first line break
        self.items[owner] = self.items[owner][:end] + content + self.items[owner][end:]

    def replace_all(self, content: str) -> None:
        """A resync."""
        self.items = {"resync": content}

    def shown(self) -> list[str]:
        """The items to be seen, in order."""
        return [html for html in self.items.values() if not html.endswith("hidden></div>")]

    async def check(self) -> None:
        """The page shows what a fresh page would."""
        items, regions, seq = await sync(rendered)(self.session_id)
        assert self.shown() == list(items.values())
        assert {key: self.regions[key] for key in regions} == regions
        assert self.seq <= seq

    async def close(self) -> None:
        """Go away."""
        await self.wire.disconnect()


def communicator(session_id: UUID | str, token: str, query: str) -> Any:
    """A connection to the page's socket."""
    application = SocketAuthentication(cast("Any", URLRouter(websocket_urlpatterns)))
    headers = [(b"host", b"testserver"), (b"origin", b"http://testserver")]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    return WebsocketCommunicator(cast("Any", application), f"/ws/chat/{session_id}/{query}", headers=headers)


def rendered(session_id: UUID) -> tuple[dict[str, str], dict[str, str], int]:
    """Items by id, regions by id, and the cursor of a fresh page."""
    state = snapshot(session_id)
    items = {item.id: render_item(item).strip() for item in list_items(state)}
    return items, render_regions(surroundings(state)), int(state["seq"])


@pytest.fixture
def scribe(transactional_db: None, alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)


async def test_a_page_that_is_up_to_date_is_sent_nothing(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await page.connect()
    assert await page.settle() == []
    await page.close()


async def test_a_turn_with_a_tool_a_question_and_an_end(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await page.connect()
    await sync(scribe.start_message)()
    await sync(scribe.say)("I look <b>")
    await page.settle()
    await page.check()
    await sync(scribe.say)(" & see\n\n**now**")
    await sync(scribe.end_message)("because")
    await sync(scribe.run_tool)("one & two\n")
    await page.settle()
    await page.check()
    question = await sync(scribe.ask)(grantable=True)
    await page.settle()
    await page.check()
    assert page.announced == ["The agent waits for you: Run ls?"]
    assert "1 question waits for you" in page.regions["waiting"]
    await sync(answer_interaction)(interaction_id=question.id, user=scribe.owner, decision="reject")
    await page.settle()
    await page.check()
    await sync(cancel_session)(session_id=scribe.session.id, user=scribe.owner)
    await page.settle()
    await page.check()
    await page.close()


async def test_streaming_text_is_appended_exactly_and_never_twice(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await page.connect()
    message_id = await sync(scribe.start_message)()
    await page.settle()
    said = ""
    for piece in ("\n😀", "é <", "i>\n", "&amp;", "😀😀 end"):
        await sync(scribe.live)(piece)
        said += piece
        frames = await page.settle()
        assert [frame["swap"] for frame in frames] == ["beforeend"]
        assert frames[0]["target"] == f"#message-{message_id}-text"
    await sync(scribe.store)()
    assert await page.settle() == []
    assert text_of(page, message_id) == said
    await page.close()


async def test_who_reconnects_in_the_middle_has_every_character_once(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await page.connect()
    message_id = await sync(scribe.start_message)()
    await sync(scribe.say)("one ")
    await sync(scribe.live)("two ")
    await page.settle()
    await page.close()
    await sync(scribe.say)("three ")
    await page.connect()
    await page.settle()
    await sync(scribe.say)("four")
    await page.settle()
    assert text_of(page, message_id) == "one two three four"
    await sync(scribe.end_message)()
    await page.settle()
    await page.check()
    await page.close()


async def test_a_reload_and_a_connection_miss_nothing_and_double_nothing(scribe: Scribe) -> None:
    message_id = await sync(scribe.start_message)()
    await sync(scribe.say)("before ")
    page = await Page.load(scribe)
    await sync(scribe.say)("between ")
    await page.connect()
    await sync(scribe.say)("after")
    await page.settle()
    assert text_of(page, message_id) == "before between after"
    await page.close()


async def test_from_every_cursor_the_tail_leads_to_the_same_page(scribe: Scribe) -> None:
    start = await Page.load(scribe)
    await sync(scribe.start_message)()
    await sync(scribe.say)("Hello")
    await sync(scribe.end_message)()
    await sync(scribe.run_tool)("out\n")
    await sync(scribe.send)("Next")
    await sync(scribe.finish)()
    last = await Page.load(scribe)
    for after in range(start.seq, last.seq + 1):
        page = await Page.load(scribe)
        page.items = dict(start.items)
        page.seq = after
        await page.connect()
        await page.settle()
        if after == start.seq:
            assert page.shown() == list(last.items.values())
        assert set(page.items) <= set(last.items)
        assert all(page.items[key] == last.items[key] for key in page.items if key not in start.items)
        await page.close()


async def test_fragments_sent_twice_change_nothing(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await page.connect()
    await sync(scribe.start_message)()
    await sync(scribe.say)("Hello")
    await sync(scribe.end_message)()
    await sync(scribe.ask)()
    await page.settle()
    before = dict(page.items), dict(page.regions)
    for frame in page.frames:
        if frame["swap"] == "outerMorph":
            page.apply(frame)
    assert (page.items, page.regions) != ({}, {})
    assert page.items == before[0]
    await page.close()


async def test_several_events_of_a_row_in_one_batch_are_one_fragment(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await sync(scribe.start_message)()
    await sync(scribe.say)("Hello")
    await sync(scribe.end_message)()
    await page.connect()
    frames = await page.settle()
    assert [frame["target"].startswith("#item-") for frame in frames].count(True) == 1
    assert [frame["seq"] for frame in frames[:-1]] == [page.frames[0]["seq"]] * (len(frames) - 1)
    await page.check()
    await page.close()


async def test_only_the_last_frame_of_a_batch_moves_the_cursor(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    before = page.seq
    await page.connect()
    await sync(scribe.send)("Then this")
    frames = await page.settle()
    assert len(frames) > 1
    assert {frame["seq"] for frame in frames[:-1]} <= {before}
    assert frames[-1]["seq"] > before
    await page.close()


async def test_a_second_message_is_a_chip_and_then_a_turn(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await page.connect()
    run = await sync(scribe.send)("Then this")
    await page.settle()
    await page.check()
    assert "Then this" in page.regions["queue"]
    await sync(scribe.finish)()
    await sync(scribe.claim)(run)
    await page.settle()
    await page.check()
    assert "Then this" not in page.regions["queue"]
    assert "Then this" in page.shown()[-1]
    await page.close()


@pytest.mark.parametrize("after", [10_000, 0])
async def test_a_cursor_that_cannot_be_used_is_answered_with_the_whole(scribe: Scribe, after: int) -> None:
    if after == 0:
        await sync(Session.objects.filter(id=scribe.session.id).update)(min_seq=2)
    page = await Page.load(scribe)
    await page.connect(after)
    frames = await page.settle()
    assert [(frame["target"], frame["swap"]) for frame in frames] == [("#thread", "outerMorph")]
    content = frames[0]["content"]
    assert content.startswith('<div id="thread"')
    assert '<p class="bubble">Hello</p>' in content
    assert content.count('hx-swap-oob="outerMorph"') == 5
    assert (await sync(rendered)(scribe.session.id))[2] == page.seq
    await page.close()


async def test_after_a_resync_the_connection_goes_on(scribe: Scribe) -> None:
    page = await Page.load(scribe)
    await page.connect(10_000)
    await page.settle()
    await sync(scribe.start_message)()
    await sync(scribe.say)("Hello")
    assert [frame["target"][:6] for frame in await page.settle() if "#item" in frame["target"]] == ["#item-"]
    await page.close()


async def test_an_open_page_keeps_no_history(scribe: Scribe) -> None:
    state = await sync(snapshot)(scribe.session.id)
    await sync(scribe.start_message)()
    state = await sync(snapshot)(scribe.session.id)
    html_socket.thread.trim(state)
    assert (state["messages"], state["steps"], state["interactions"]) == ({}, {}, {})
    assert [run["status"] for run in state["runs"].values()] == ["running"]


async def test_silence_is_broken_by_heartbeats(scribe: Scribe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html_socket, "HEARTBEAT_SECONDS", 0.05)
    page = await Page.load(scribe)
    await page.connect()
    assert json.loads(await page.wire.receive_from()) == {"seq": page.seq}
    await page.close()


async def test_strangers_are_accepted_and_closed_alike(scribe: Scribe, bob: User) -> None:
    _, token = await sync(create_token)(user=bob)
    codes = []
    for session_id, bearer in (
        (scribe.session.id, token),
        (uuid4(), token),
        ("nonsense", token),
        (scribe.session.id, ""),
    ):
        wire = communicator(session_id, bearer, "?after=0")
        accepted, _ = await wire.connect(timeout=5)
        assert accepted
        codes.append((await wire.receive_output(5))["code"])
        assert await wire.receive_nothing()
        await wire.disconnect()
    assert codes == [4404] * 4


def text_of(page: Page, message_id: UUID) -> str:
    """A streaming message's text as a browser reads it: the parser drops one line break after `<pre>`."""
    html = next(html for html in page.items.values() if f"message-{message_id}-text" in html)
    found = re.search(rf'<pre id="message-{message_id}-text"[^>]*>\n?(.*?)</pre>', html, re.DOTALL)
    assert found is not None
    return unescape(found[1])
