"""Who may open the JSON socket, how many, how large a frame, and how it ends."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.sessions.models import Session as Cookie
from django.test import Client

from agentsite.access.models import ApiToken, User
from agentsite.access.services import create_socket_ticket, create_token, revoke_token
from sessions_app import connections
from sessions_app.consumers import json_socket
from sessions_app.consumers.base import SessionSocket, broadcast_restart
from sessions_app.models import Run, Session
from sessions_app.reader import Item, Reader
from sessions_app.services import messages
from sessions_app.services.sessions import create_session, delete_session
from tests.support.json_client import JsonClient, sync
from tests.support.scribe import idle_agent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(transactional_db: None, alice: User) -> Session:
    """An empty session of Alice's."""
    return create_session(owner=alice, agent=idle_agent())


async def test_who_may_not_see_a_session_is_told_what_who_asks_for_none_is_told(bob: User, session: Session) -> None:
    _, token = await sync(create_token)(user=bob)
    for path, value in ((session.id, token), (uuid4(), token), ("nonsense", token), (session.id, "")):
        client = JsonClient(path, value)
        await client.open()
        assert await client.closed() == 4404


async def test_a_place_is_given_back_when_a_socket_closes(alice: User, session: Session, settings: Any) -> None:
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"max_sockets_per_user": 1})
    first = await JsonClient.of(alice, session.id)
    await first.state()
    second = await JsonClient.of(alice, session.id)
    assert await second.closed() == 4429
    await second.close()
    await first.close()
    assert connections.count(alice.pk) == 0
    third = await JsonClient.of(alice, session.id)
    await third.state()
    await third.close()


async def test_one_users_sockets_do_not_count_for_another(
    alice: User, bob: User, session: Session, settings: Any
) -> None:
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"max_sockets_per_user": 1})
    alices = await JsonClient.of(alice, session.id)
    await alices.state()
    bobs_session = await sync(create_session)(owner=bob, agent=None)
    bobs = await JsonClient.of(bob, bobs_session.id)
    await bobs.state()
    for client in (alices, bobs):
        await client.close()


@pytest.mark.parametrize("letters", ["a" * (256 * 1024), "é" * (128 * 1024)])
async def test_a_frame_over_the_limit_closes(alice: User, session: Session, letters: str) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.state()
    await client.send(type="message", content=letters)
    assert await client.closed() == 1009
    assert not await Run.objects.aexists()
    await client.close()


async def test_a_frame_of_bytes_is_no_command(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id, after=1)
    await client.wire.send_to(bytes_data=b'{"type": "cancel"}')
    assert (await client.receive())["error"]["code"] == "invalid_frame"
    await client.close()


async def test_a_revoked_token_ends_at_the_next_command(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.state()
    await sync(revoke_token)(token=await ApiToken.objects.aget())
    await client.send(type="message", content="Hello")
    assert await client.closed() == 4401
    assert not await Run.objects.aexists()
    await client.close()


async def test_an_account_that_is_closed_ends_at_the_next_command(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.state()
    await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
    await client.send(type="cancel")
    assert await client.closed() == 4401
    await client.close()


async def with_cookie(browser: Client, session: Session) -> JsonClient:
    """A connection of a page of this site."""
    client = JsonClient(session.id, "", cookie=f"sessionid={browser.cookies['sessionid'].value}")
    await client.open()
    return client


async def test_signing_out_ends_at_the_next_command(alice: User, session: Session) -> None:
    browser = Client()
    await sync(browser.force_login)(alice)
    client = await with_cookie(browser, session)
    await client.state()
    await client.send(type="message", content="Hello", cmd_id="1")
    assert (await client.until("ack"))[-1]["ok"] is True
    await Cookie.objects.all().adelete()
    await client.send(type="message", content="Again")
    assert await client.closed() == 4401
    assert await Run.objects.acount() == 1
    await client.close()


async def test_a_new_password_ends_old_sign_ins_at_the_next_command(alice: User, session: Session) -> None:
    browser = Client()
    await sync(browser.force_login)(alice)
    client = await with_cookie(browser, session)
    await client.state()
    alice.set_password("another password")
    await alice.asave()
    await client.send(type="cancel")
    assert await client.closed() == 4401
    await client.close()


async def test_a_deleted_session_ends_on_every_socket(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.state()
    await sync(delete_session)(session_id=session.id, user=alice)
    assert await client.closed() == 4404
    await client.close()


async def test_a_ticket_opens_a_socket_that_takes_commands(alice: User, session: Session) -> None:
    ticket = await sync(create_socket_ticket)(user=alice)
    client = JsonClient(f"{session.id}?ticket={ticket}", "")
    await client.open()
    await client.state()
    await client.send(type="cancel", cmd_id="1")
    assert (await client.receive())["ok"] is True
    await User.objects.filter(pk=alice.pk).aupdate(is_active=False)
    await client.send(type="cancel")
    assert await client.closed() == 4401
    await client.close()


async def test_a_defect_while_reading_closes_and_is_logged(
    alice: User, session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(self: Reader) -> list[Item]:
        raise RuntimeError("secret path")

    monkeypatch.setattr(Reader, "items", broken)
    client = await JsonClient.of(alice, session.id)
    await client.state()
    assert await client.closed() == 1011
    assert "A socket failed." in caplog.text
    assert connections.count(alice.pk) == 0
    await client.close()


async def test_a_defect_in_a_command_is_told_without_its_reason(
    alice: User, session: Session, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: Any) -> None:
        raise RuntimeError("secret path")

    monkeypatch.setattr(messages, "send_message", broken)
    client = await JsonClient.of(alice, session.id, after=1)
    await client.send(type="message", content="Hello", cmd_id="1")
    answer = await client.receive()
    assert answer["error"]["code"] == "internal"
    assert "secret" not in str(answer)
    assert "secret path" in caplog.text
    await client.send(type="cancel", cmd_id="2")
    assert (await client.receive())["ok"] is True
    await client.close()


async def test_more_commands_than_are_queued_wait(
    alice: User, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_socket, "WAITING_COMMANDS", 1)
    client = await JsonClient.of(alice, session.id, after=1)
    for number in range(6):
        await client.send(type="cancel", cmd_id=str(number))
    assert [(await client.receive())["cmd_id"] for _ in range(6)] == list("012345")
    await client.close()


async def test_a_restart_is_announced(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.state()
    await broadcast_restart()
    assert (await client.receive())["type"] == "server_restarting"
    assert await client.closed() == 1012
    await client.close()
    assert connections.count(alice.pk) == 0


async def test_a_server_that_sends_no_code_below_3000_sends_one_above() -> None:
    socket = SessionSocket()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        if message["code"] < 3000:
            raise Exception("invalid close code")
        sent.append(message)

    socket.base_send = send
    await socket.hang_up(1009)
    assert sent == [{"type": "websocket.close", "code": 4009}]


async def test_a_client_that_does_not_listen_is_not_waited_for_at_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "GOODBYE_SECONDS", 0.01)
    given_up = asyncio.Event()

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    connection = connections.admit(1, never)
    await broadcast_restart()
    await asyncio.wait_for(given_up.wait(), 5)
    connections.release(connection)
