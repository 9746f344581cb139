"""What a client of the JSON socket may say, and what it is told."""

from uuid import uuid4

import pytest

from agentsite.access.models import User
from sessions_app.models import Interaction, Message, Run, Session
from sessions_app.services.sessions import create_session
from tests.support.json_client import Frame, JsonClient, sync
from tests.support.scribe import Scribe, idle_agent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(transactional_db: None, alice: User) -> Session:
    """An empty session of Alice's."""
    return create_session(owner=alice, agent=idle_agent())


@pytest.fixture
def scribe(transactional_db: None, alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)


async def reply(client: JsonClient, **frame: object) -> Frame:
    """The ack or the error that a frame of the client gets."""
    await client.send(**frame)
    while True:
        answer = await client.receive()
        if answer["type"] in ("ack", "error"):
            return answer


async def test_a_message_starts_a_run(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.state()
    answer = await reply(client, type="message", content="Hello 😀", cmd_id=str(uuid4()))
    run = await Run.objects.select_related("prompt").aget()
    assert answer["ok"] is True
    assert answer["result"] == {"run_id": str(run.id), "message_id": str(run.prompt_id)}
    assert (run.prompt_text, run.door, run.interactive) == ("Hello 😀", "socket", True)
    await client.close()


async def test_a_message_without_a_cmd_id_is_not_acked(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.state()
    await client.send(type="message", content="Hello")
    frames = [await client.receive() for _ in range(3)]
    assert [frame["type"] for frame in frames] == ["message", "stream", "stream"]
    assert [frame.get("event") for frame in frames] == [None, "run.queued", "session.updated"]
    assert await client.quiet()
    await client.close()


async def test_a_command_that_comes_again_is_done_once(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    cmd_id = str(uuid4())
    first = await reply(client, type="message", content="Hello", cmd_id=cmd_id)
    await client.close()
    again = await JsonClient.of(alice, session.id)
    assert await reply(again, type="message", content="Hello", cmd_id=cmd_id) == first
    assert await Run.objects.acount() == 1
    await again.close()


async def test_a_cmd_id_of_another_command_is_refused(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await reply(client, type="message", content="Hello", cmd_id="1")
    answer = await reply(client, type="cancel", cmd_id="1")
    assert (answer["ok"], answer["error"]["code"]) == (False, "cmd_id_used")
    await client.close()


async def test_a_message_that_was_sent_is_taken_though_its_sender_is_gone(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.send(type="message", content="Goodbye")
    await client.close()
    other = await JsonClient.of(alice, session.id, after=1)
    assert (await other.until("message"))[-1]["message"]["content"] == "Goodbye"
    await other.close()


async def test_commands_are_carried_out_in_order(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    for number in range(5):
        await client.send(type="message", content=f"Message {number}", cmd_id=f"m{number}")
    await client.send(type="cancel", cmd_id="stop")
    answers = [await reply_of(client) for _ in range(6)]
    assert [answer["cmd_id"] for answer in answers] == ["m0", "m1", "m2", "m3", "m4", "stop"]
    assert answers[-1]["result"] == {"status": "cancelled"}
    texts = [text async for text in Message.objects.order_by("created_at", "id").values_list("text", flat=True)]
    assert texts == [f"Message {number}" for number in range(5)]
    assert await Run.objects.filter(status="cancelled").acount() == 5
    await client.close()


async def reply_of(client: JsonClient) -> Frame:
    """The next ack."""
    return (await client.until("ack"))[-1]


async def test_a_stop_while_a_run_is_held_is_told_and_comes_to_an_end(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    answer = await reply(client, type="cancel", cmd_id="c")
    assert answer["result"] == {"status": "cancelling"}
    await sync(scribe.finish)()
    ended = (await client.until("task_cancelled"))[-1]
    assert ended["content"] == "Stopped by the person."
    assert (await reply(client, type="cancel", cmd_id="c2"))["result"] == {"status": "none"}
    await client.close()


async def test_reject_while_a_run_is_on_is_refused(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    answer = await reply(client, type="message", content="Now", strategy="reject")
    assert (answer["type"], answer["error"]["code"]) == ("error", "busy")
    await client.close()


@pytest.mark.parametrize(
    ("content", "says"),
    [("", "Write a message first."), (" \n ", "Write a message first."), ("a" * 32_001, "32,001 characters")],
)
async def test_a_message_is_neither_empty_nor_too_long(alice: User, session: Session, content: str, says: str) -> None:
    client = await JsonClient.of(alice, session.id)
    answer = await reply(client, type="message", content=content, cmd_id="x")
    assert answer["error"]["code"] == "invalid"
    assert says in answer["error"]["message"]
    assert not await Run.objects.aexists()
    await client.close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", "Send JSON text"),
        ("[" * 100_000, "Send JSON text"),
        ('{"type": "message", "content": NaN}', "Send JSON text"),
        ("[]", "A frame is a JSON object"),
        ('{"content": "x"}', "Send a `type` that is one of: connection_acknowledged, message"),
        ('{"type": ["message"]}', "Send a `type` that is one of"),
        ('{"type": "massage", "content": "x"}', "Send a `type` that is one of"),
        ('{"type": "message"}', "Check content. A `message` frame takes: cmd_id, content, strategy."),
        ('{"type": "message", "content": "x", "strategie": "reject"}', "Check strategie."),
        ('{"type": "message", "content": "x", "strategy": "shout"}', "Check strategy."),
        ('{"type": "confirm", "value": "no"}', "Check value."),
        ('{"type": "confirm", "interaction_id": "7", "value": true}', "Check interaction_id."),
    ],
)
async def test_what_cannot_be_read_is_answered_with_what_to_send(
    alice: User, session: Session, text: str, says: str
) -> None:
    client = await JsonClient.of(alice, session.id, after=1)
    await client.wire.send_to(text)
    answer = await client.receive()
    assert answer["type"] == "error"
    assert answer["error"]["code"] == "invalid_frame"
    assert says in answer["error"]["message"]
    await client.close()


async def test_an_unreadable_frame_with_a_cmd_id_is_acked_so(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    answer = await reply(client, type="message", cmd_id="abc")
    assert (answer["cmd_id"], answer["ok"]) == ("abc", False)
    await client.close()


async def test_text_that_no_database_takes_is_made_whole(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id)
    await client.wire.send_to('{"type": "message", "content": "a\\u0000b\\ud83dc\\ud83d\\ude00", "cmd_id": "t"}')
    assert (await reply_of(client))["ok"] is True
    assert (await Message.objects.aget()).text == "a\ufffdb\ufffdc😀"
    await client.close()


async def test_a_heartbeat_is_answered_and_an_acknowledgement_is_not(alice: User, session: Session) -> None:
    client = await JsonClient.of(alice, session.id, after=1)
    await client.send(type="connection_acknowledged")
    await client.send(type="heartbeat", timestamp=1.5)
    assert await client.receive() == {"type": "heartbeat", "timestamp": 1.5}
    await client.close()


async def test_an_answer_without_an_id_counts_for_the_one_question_shown(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    question = await sync(scribe.ask_form)()
    await client.until("request_user_input")
    answer = await reply(client, type="user_input", values={"city": "Lisbon"}, cmd_id="v")
    assert answer["ok"] is True
    row = await Interaction.objects.aget(id=question.id)
    assert (row.decision, row.answer) == ("submit", {"values": {"city": "Lisbon"}})
    await client.close()


async def test_a_secret_is_never_told_again(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    question = await sync(scribe.ask_form)()
    values = {"city": "Lisbon", "pin": "4711"}
    await client.send(type="user_input", interaction_id=str(question.id), values=values, cmd_id="s")
    frames = await client.until("ack")
    assert "4711" not in str(frames)
    assert frames[-1]["result"]["interaction"]["answer"] == {"values": {"city": "Lisbon", "pin": "⟨secret:pin⟩"}}
    await client.close()


async def test_a_question_in_the_first_state_counts_as_shown(alice: User, scribe: Scribe) -> None:
    await sync(scribe.ask)()
    client = await JsonClient.of(alice, scribe.session.id)
    state = await client.state()
    assert state["state_messages"][-2]["type"] == "request_confirmation"
    assert (await reply(client, type="confirm", value=False, reason="No", cmd_id="r"))["ok"] is True
    row = await Interaction.objects.aget()
    assert (row.decision, row.answer) == ("reject", {"reason": "No"})
    await client.close()


async def test_an_answer_without_an_id_does_not_count_where_it_was_not_shown(alice: User, scribe: Scribe) -> None:
    await sync(scribe.ask)()
    await scribe.session.arefresh_from_db()
    client = await JsonClient.of(alice, scribe.session.id, after=scribe.session.seq)
    answer = await reply(client, type="confirm", value=True)
    assert answer["error"]["code"] == "which_question"
    assert (await Interaction.objects.aget()).status == "pending"
    await client.close()


async def test_an_answer_without_an_id_does_not_count_for_one_of_two(alice: User, scribe: Scribe) -> None:
    await sync(scribe.plan_tool)(ask=True)
    await sync(scribe.ask)()
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    answer = await reply(client, type="confirm", value=True)
    assert answer["error"]["code"] == "which_question"
    assert len(answer["error"]["details"]["open"]) == 2
    await client.close()


async def test_an_answer_says_one_thing(alice: User, scribe: Scribe) -> None:
    await sync(scribe.ask)()
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    for frame in ({}, {"value": True, "decision": "reject"}):
        answer = await reply(client, type="confirm", **frame)
        assert answer["error"]["message"] == "Send either `value` (true or false) or `decision`."
    assert (await Interaction.objects.aget()).status == "pending"
    await client.close()


async def test_two_tabs_answer_and_the_first_one_counts(alice: User, scribe: Scribe) -> None:
    question = await sync(scribe.ask)()
    tabs = [await JsonClient.of(alice, scribe.session.id) for _ in range(2)]
    for tab in tabs:
        await tab.state()
    answers = [
        await reply(tab, type="confirm", interaction_id=str(question.id), decision=decision, cmd_id=decision)
        for tab, decision in zip(tabs, ("approve", "reject"), strict=True)
    ]
    assert [answer["ok"] for answer in answers] == [True, False]
    error = answers[1]["error"]
    assert error["code"] == "already_resolved"
    assert error["details"]["interaction"]["decision"] == "approve"
    for tab in tabs:
        await tab.close()


async def test_both_tabs_see_that_a_question_is_closed(alice: User, scribe: Scribe) -> None:
    question = await sync(scribe.ask)()
    tabs = [await JsonClient.of(alice, scribe.session.id) for _ in range(2)]
    for tab in tabs:
        await tab.state()
    await tabs[0].send(type="confirm", interaction_id=str(question.id), value=True)
    for tab in tabs:
        assert (await tab.until("interaction_resolved"))[-1]["interaction_id"] == str(question.id)
        await tab.close()


async def test_an_answer_to_a_question_of_another_session_is_not_found(alice: User, scribe: Scribe) -> None:
    question = await sync(scribe.ask)()
    other = await sync(create_session)(owner=alice, agent=await sync(idle_agent)())
    client = await JsonClient.of(alice, other.id)
    await client.state()
    answer = await reply(client, type="confirm", interaction_id=str(question.id), value=True)
    assert answer["error"]["code"] == "not_found"
    await client.close()
