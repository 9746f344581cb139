"""Server-sent events: the frames of the socket, with a cursor that a browser keeps by itself."""

import asyncio
import json
from typing import Any, cast
from uuid import uuid4

import pytest
from django.http import StreamingHttpResponse
from django.test import AsyncClient

from agentsite.access.models import User
from agentsite.access.services import create_token
from sessions_app import broker, connections, sse
from sessions_app.models import Session
from tests.support.json_client import Frame, check, sync
from tests.support.scribe import Scribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scribe(transactional_db: None, alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)


async def get(user: User | None, session_id: Any, query: str = "", **headers: str) -> Any:
    """The response to a program of `user`."""
    if user is not None:
        _, token = await sync(create_token)(user=user)
        headers["Authorization"] = f"Bearer {token}"
    return await AsyncClient().get(f"/api/session/{session_id}/events{query}", headers=headers)


class Events:
    """A program that reads a stream, as EventSource does."""

    def __init__(self, response: StreamingHttpResponse) -> None:
        self.response = response
        self.last_event_id: int | None = None
        self._chunks = aiter(response)
        self._waiting: list[str] = []

    async def block(self) -> str:
        """The next block of lines."""
        while not self._waiting:
            chunk = await asyncio.wait_for(anext(self._chunks), 5)
            self._waiting = [block for block in chunk.decode().split("\n\n") if block]
        return self._waiting.pop(0)

    async def frame(self) -> Frame:
        """The next frame."""
        *head, data = (await self.block()).splitlines()
        for line in head:
            self.last_event_id = int(line.removeprefix("id: "))
        return check(json.loads(data.removeprefix("data: ")))

    async def until(self, type_: str) -> list[Frame]:
        """The frames up to the first one of this type."""
        frames = [await self.frame()]
        while frames[-1]["type"] != type_:
            frames.append(await self.frame())
        return frames

    async def close(self) -> None:
        """Go away."""
        await self._chunks.aclose()  # type: ignore[attr-defined]
        self.response.close()


async def test_a_stream_begins_with_the_state_and_follows(alice: User, scribe: Scribe) -> None:
    response = await get(alice, scribe.session.id)
    assert response["Content-Type"] == "text/event-stream"
    assert response["Cache-Control"] == "no-cache, no-transform"
    assert response["X-Accel-Buffering"] == "no"
    events = Events(response)
    state = (await events.until("initial_state"))[-1]
    assert events.last_event_id == state["seq"]
    await sync(scribe.start_message)()
    begun = await events.frame()
    assert events.last_event_id == begun["seq"]
    await sync(scribe.say)("Good morning 😀")
    piece = await events.frame()
    assert piece["data"]["content"] == "Good morning 😀"
    assert events.last_event_id == begun["seq"]
    await events.close()


async def test_a_browser_that_comes_back_misses_nothing(alice: User, scribe: Scribe) -> None:
    events = Events(await get(alice, scribe.session.id))
    await events.until("initial_state")
    await sync(scribe.start_message)()
    await events.until("message")
    await sync(scribe.say)("one ")
    await events.until("generating")
    await events.close()
    await sync(scribe.say)("two")
    await sync(scribe.end_message)()
    again = Events(await get(alice, scribe.session.id, **{"Last-Event-ID": str(events.last_event_id)}))
    frames = await again.until("generating")
    frames += await again.until("generating")
    pieces = [frame["data"]["content"] for frame in frames if frame["type"] == "generating"]
    assert pieces == ["one two", "one two"]
    assert [frame["type"] for frame in frames] == ["connection_ready", "generating", "generating"]
    await again.close()


@pytest.mark.parametrize("cursor", ["?after=999", "?after=x"])
async def test_a_cursor_that_cannot_be_used_gets_the_state(alice: User, scribe: Scribe, cursor: str) -> None:
    events = Events(await get(alice, scribe.session.id, cursor))
    assert (await events.until("initial_state"))[-1]["state_count"] == 2
    await events.close()


async def test_silence_is_kept_alive(alice: User, scribe: Scribe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "KEEPALIVE_SECONDS", 0.01)
    events = Events(await get(alice, scribe.session.id))
    await events.until("initial_state")
    assert await events.block() == ": keepalive"
    await sync(scribe.start_message)()
    while (block := await events.block()) == ": keepalive":
        pass
    assert '"type":"message"' in block
    await events.close()


async def test_a_client_that_goes_leaves_nothing_behind(alice: User, scribe: Scribe) -> None:
    events = Events(await get(alice, scribe.session.id))
    await events.until("initial_state")
    assert connections.count(alice.pk) == 1
    assert broker.watched_sessions() == [scribe.session.id]
    await events.close()
    assert connections.count(alice.pk) == 0
    assert broker.watched_sessions() == []


async def test_a_stream_that_was_never_read_leaves_nothing_behind(alice: User, scribe: Scribe) -> None:
    response = await get(alice, scribe.session.id)
    response.close()
    assert connections.count(alice.pk) == 0
    assert broker.watched_sessions() == []


async def test_a_restart_ends_a_stream(alice: User, scribe: Scribe) -> None:
    events = Events(await get(alice, scribe.session.id))
    await events.until("initial_state")
    await connections.broadcast_restart()
    assert (await events.frame())["type"] == "server_restarting"
    with pytest.raises(StopAsyncIteration):
        await events.frame()


async def test_streams_and_sockets_share_a_limit(alice: User, scribe: Scribe, settings: Any) -> None:
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"max_sockets_per_user": 1})
    events = Events(await get(alice, scribe.session.id))
    await events.until("initial_state")
    refused = await get(alice, scribe.session.id)
    assert (refused.status_code, refused["Retry-After"]) == (429, "5")
    await events.close()


async def test_a_cookie_opens_a_stream_too(alice: User, scribe: Scribe) -> None:
    browser = AsyncClient()
    await browser.aforce_login(alice)
    events = Events(cast("StreamingHttpResponse", await browser.get(f"/api/session/{scribe.session.id}/events")))
    assert (await events.frame())["type"] == "connection_ready"
    await events.close()


async def test_strangers_learn_nothing(bob: User, scribe: Scribe) -> None:
    bodies = []
    for session_id in (scribe.session.id, uuid4(), "nonsense"):
        answer = await get(bob, session_id)
        assert answer.status_code == 404
        body = answer.json()["error"]
        del body["request_id"]
        bodies.append(body)
    assert bodies[0] == bodies[1] == bodies[2]
    for user_agent in ({}, {"Authorization": "Bearer as_wrong"}):
        nobody = await get(None, scribe.session.id, **user_agent)
        assert nobody.status_code == 401
        assert nobody["WWW-Authenticate"].startswith("Bearer")


async def test_events_are_only_read(alice: User, scribe: Scribe) -> None:
    answer = await AsyncClient().post(f"/api/session/{scribe.session.id}/events")
    assert answer.status_code == 405
    assert await Session.objects.acount() == 1
