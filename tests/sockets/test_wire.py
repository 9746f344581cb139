"""The doors behind a real server: what a wire adds to them."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from agentsite.access.models import User
from agentsite.access.services import create_token
from agentsite.doors import application
from sessions_app import connections
from sessions_app.consumers.base import broadcast_restart
from tests.support.json_client import check, sync
from tests.support.scribe import Scribe

pytestmark = pytest.mark.django_db(transaction=True)


class Server(uvicorn.Server):
    """Leaves the test's signals alone."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """Where the site listens; it pings often, so that silence is noticed soon."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        application,
        ws="websockets-sansio",
        lifespan="off",
        log_config=None,
        ws_ping_interval=0.1,
        ws_ping_timeout=0.1,
        timeout_graceful_shutdown=1,
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    yield listener.getsockname()[1]
    server.should_exit = True
    await serving


@pytest.fixture
def scribe(transactional_db: None, alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)


@pytest.fixture
def token(transactional_db: None, alice: User) -> str:
    """Alice's program has it."""
    return create_token(user=alice)[1]


async def until(what: Callable[[], bool]) -> None:
    """Come back when it is so."""
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 what is waited for happens in the server
            await asyncio.sleep(0.01)


def dial(port: int, scribe: Scribe, token: str) -> connect:
    """A program's connection."""
    address = f"ws://127.0.0.1:{port}/api/ws/session/{scribe.session.id}"
    return connect(address, additional_headers={"Authorization": f"Bearer {token}"})


async def receive(wire: ClientConnection) -> dict[str, Any]:
    """The next frame."""
    return check(json.loads(await asyncio.wait_for(wire.recv(), 5)))


async def code_of(wire: ClientConnection) -> int | None:
    """The code that the connection is closed with."""
    await asyncio.wait_for(wire.wait_closed(), 5)
    return wire.close_code


async def test_a_conversation(port: int, scribe: Scribe, token: str) -> None:
    async with dial(port, scribe, token) as wire:
        assert (await receive(wire))["type"] == "connection_ready"
        assert (await receive(wire))["type"] == "initial_state"
        await wire.send(json.dumps({"type": "message", "content": "And then? 😀", "cmd_id": "1"}))
        frame = await receive(wire)
        while frame["type"] != "ack":
            frame = await receive(wire)
        assert frame["ok"] is True


async def test_a_large_frame_closes(port: int, scribe: Scribe, token: str) -> None:
    async with dial(port, scribe, token) as wire:
        await wire.send("a" * (256 * 1024 + 1))
        assert await code_of(wire) == 1009


async def test_a_restart_closes(port: int, scribe: Scribe, token: str, alice: User) -> None:
    async with dial(port, scribe, token) as wire:
        await until(lambda: connections.count(alice.pk) == 1)
        await broadcast_restart()
        assert await code_of(wire) == 1012


async def test_a_peer_that_never_answers_is_dropped(port: int, scribe: Scribe, token: str, alice: User) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /api/ws/session/{scribe.session.id} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2l4dGVlbiBsZXR0ZXJzIQ==\r\n"
        f"Authorization: Bearer {token}\r\n\r\n".encode()
    )
    await until(lambda: connections.count(alice.pk) == 1)
    await until(lambda: connections.count(alice.pk) == 0)
    writer.close()


async def test_a_stream_whose_client_goes_is_given_up(port: int, scribe: Scribe, token: str, alice: User) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    path = f"/api/session/{scribe.session.id}/events"
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    await asyncio.wait_for(reader.readuntil(b'"initial_state"'), 5)
    await sync(scribe.start_message)()
    await asyncio.wait_for(reader.readuntil(b'"streaming"'), 5)
    assert connections.count(alice.pk) == 1
    writer.close()
    await until(lambda: connections.count(alice.pk) == 0)
