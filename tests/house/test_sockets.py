"""Who opens a socket: by token, by ticket, or by cookie from exactly this origin."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.testing import WebsocketCommunicator
from django.conf import settings as site_settings
from django.test import Client
from django.utils import timezone

from agentsite.access.models import User
from agentsite.access.services import create_socket_ticket, create_token
from agentsite.access.socket_authentication import SocketAuthentication
from agentsite.core.asgi_layers import Application

pytestmark = pytest.mark.django_db(transaction=True)
OWN = "http://localhost:8000"


class Greeter(AsyncWebsocketConsumer):
    """Says who is there."""

    async def connect(self) -> None:
        await self.accept()
        await self.send(text_data=self.scope["user"].get_username() or "stranger")


async def greeting(path: str = "/ws/", scheme: str = "ws", **headers: str) -> str | None:
    """What the consumer says; None when the socket is refused."""
    named = {"host": "localhost:8000", **headers}
    application: Application = SocketAuthentication(Greeter.as_asgi())  # type: ignore[arg-type]
    sent = [(name.encode(), value.encode()) for name, value in named.items()]
    conversation = WebsocketCommunicator(application, path, headers=sent)
    conversation.scope["scheme"] = scheme
    accepted, _ = await conversation.connect()
    if not accepted:
        return None
    said = str(await conversation.receive_from())
    assert await conversation.receive_nothing()
    await conversation.disconnect()
    return said


@pytest.fixture
def cookie(alice: User) -> str:
    client = Client()
    client.force_login(alice)
    return f"{site_settings.SESSION_COOKIE_NAME}={client.cookies[site_settings.SESSION_COOKIE_NAME].value}"


async def test_a_cookie_from_this_origin_opens(cookie: str) -> None:
    assert await greeting(cookie=cookie, origin=OWN) == "alice"


@pytest.mark.parametrize(
    "origin",
    [
        "https://localhost:8000",
        "http://localhost",
        "http://localhost:8001",
        "http://evil.example",
        "http://localhost:8000.evil.example",
        "http://localhost:port",
        "null",
        "",
    ],
)
async def test_a_cookie_from_another_origin_does_not(cookie: str, origin: str) -> None:
    assert await greeting(cookie=cookie, origin=origin) is None


async def test_a_cookie_without_an_origin_does_not(cookie: str) -> None:
    assert await greeting(cookie=cookie) is None


async def test_a_host_that_is_not_the_sites_cannot_vouch_for_an_origin(cookie: str) -> None:
    assert await greeting(cookie=cookie, host="evil.example", origin="http://evil.example") is None


async def test_behind_https_the_origin_is_https(cookie: str) -> None:
    assert await greeting(cookie=cookie, scheme="wss", origin="https://localhost:8000") == "alice"
    assert await greeting(cookie=cookie, scheme="wss", origin=OWN) is None


async def test_a_named_origin_opens_too(cookie: str, settings: Any) -> None:
    named = ("https://agents.example.com",)
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"origins": named})
    assert await greeting(cookie=cookie, origin="https://agents.example.com") == "alice"
    assert await greeting(cookie=cookie, origin="http://agents.example.com") is None


async def test_nobody_is_a_stranger_for_the_consumer_to_judge() -> None:
    assert await greeting(origin=OWN) == "stranger"


async def test_a_token_opens_without_an_origin(alice: User) -> None:
    _, value = await database_sync_to_async(create_token)(user=alice)
    assert await greeting(authorization=f"Bearer {value}") == "alice"
    assert await greeting(authorization="Bearer as_wrong") == "stranger"


async def test_a_wrong_token_is_not_helped_by_a_cookie(cookie: str) -> None:
    assert await greeting(authorization="Bearer as_wrong", cookie=cookie, origin=OWN) == "stranger"


async def test_a_ticket_opens_one_socket(alice: User) -> None:
    ticket = await database_sync_to_async(create_socket_ticket)(user=alice)
    assert await greeting(f"/ws/?after=3&ticket={ticket}", origin="https://elsewhere.example") == "alice"
    assert await greeting(f"/ws/?ticket={ticket}") == "stranger"


async def test_a_ticket_lasts_a_minute(alice: User) -> None:
    ticket = await database_sync_to_async(create_socket_ticket)(user=alice)
    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        assert await greeting(f"/ws/?ticket={ticket}") == "stranger"


def test_tickets_are_made_over_rest(alice: User, client: Client) -> None:
    _, value = create_token(user=alice)
    made = client.post("/api/tickets", headers={"Authorization": f"Bearer {value}"})
    assert made.status_code == 201
    assert set(made.json()) == {"ticket", "expires_in_seconds"}
    assert client.post("/api/tickets").status_code == 401


async def test_a_path_that_does_not_exist_is_refused() -> None:
    from agentsite.doors import application

    named = [(b"host", b"localhost:8000"), (b"origin", OWN.encode())]
    conversation = WebsocketCommunicator(application, "/ws/nowhere/", headers=named)
    assert (await conversation.connect())[0] is False
