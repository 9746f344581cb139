"""What a client of the JSON socket sees of a conversation."""

import pytest

from agentsite.access.models import User
from tests.support.json_client import Frame, JsonClient, sync
from tests.support.scribe import Scribe

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def scribe(transactional_db: None, alice: User) -> Scribe:
    """Alice has said hello, and a run has begun."""
    return Scribe.begin(alice)


def text_of(frames: list[Frame], message_id: str) -> str:
    """A client's view of a message: put each piece at its offset, in UTF-16 code units."""
    units = b""
    for frame in frames:
        if (
            frame["type"] == "generating"
            and frame["message_id"] == message_id
            and frame["data"]["event"] != "reasoning"
        ):
            units = units[: 2 * frame["off"]] + frame["data"]["content"].encode("utf-16-le")
    return units.decode("utf-16-le")


async def test_a_turn_from_hello_to_the_answer(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    state = await client.state()
    assert [frame["type"] for frame in state["state_messages"]] == ["message", "task_started"]
    assert (state["state_count"], state["saved_state_messages"], state["before"]) == (2, 1, None)
    message_id = str(await sync(scribe.start_message)())
    await sync(scribe.say)("Good ")
    await sync(scribe.say)("morning 😀!")
    await sync(scribe.end_message)("because it is early")
    await sync(scribe.finish)("Good morning 😀!")
    frames = await client.until("task_completed")
    started, *pieces, completed, end = frames
    assert started["message"]["status"] == "streaming"
    assert text_of(pieces, message_id) == "Good morning 😀!"
    assert "".join(piece["data"]["content"] for piece in pieces) == "Good morning 😀!"
    assert completed["data"] == {
        "content": "Good morning 😀!",
        "event": "completed",
        "reasoning": "because it is early",
    }
    assert end["content"] == "Good morning 😀!"
    assert "values" not in end
    assert {frame["run_id"] for frame in frames} == {str(scribe.held.run_id)}
    assert [frame["seq"] for frame in frames] == sorted(frame["seq"] for frame in frames)
    assert await client.quiet()
    await client.close()


async def test_the_live_lane_and_the_journal_never_double_text(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    await sync(scribe.start_message)()
    await client.until("message")
    said = ""
    for piece in ("😀", "é", "a", "😀😀", "b"):
        await sync(scribe.live)(piece)
        frame = await client.receive()
        assert frame["off"] == len(said.encode("utf-16-le")) // 2
        assert frame["data"]["content"] == piece
        said += piece
    await sync(scribe.store)()
    await sync(scribe.live)("c")
    frame = await client.receive()
    assert (frame["data"]["content"], frame["off"]) == ("c", 9)
    assert await client.quiet()
    await client.close()


async def test_who_joins_in_the_middle_gets_the_text_so_far_and_then_the_rest(alice: User, scribe: Scribe) -> None:
    message_id = str(await sync(scribe.start_message)())
    await sync(scribe.say)("So far 😀 ")
    client = await JsonClient.of(alice, scribe.session.id)
    state = await client.state()
    await sync(scribe.say)("so good")
    frames = [*state["state_messages"], await client.receive()]
    assert text_of(frames, message_id) == "So far 😀 so good"
    await client.close()


async def test_a_cursor_gets_the_tail_only(alice: User, scribe: Scribe) -> None:
    first = await JsonClient.of(alice, scribe.session.id)
    await first.state()
    message_id = str(await sync(scribe.start_message)())
    await sync(scribe.say)("one ")
    before = [await first.receive(), await first.receive()]
    await first.close()
    await sync(scribe.say)("two ")
    await sync(scribe.end_message)()
    again = await JsonClient.of(alice, scribe.session.id, after=first.seq)
    after = await again.until("generating")
    after += await again.until("generating")
    assert text_of([*before, *after], message_id) == "one two "
    assert after[-1]["data"]["event"] == "completed"
    assert after[0]["seq"] > before[-1]["seq"]
    assert await again.quiet()
    await again.close()


@pytest.mark.parametrize("after", [999, 10**17, -1])
async def test_a_cursor_that_cannot_be_used_gets_the_whole_state(alice: User, scribe: Scribe, after: int) -> None:
    client = await JsonClient.of(alice, scribe.session.id, after=after)
    frame = (await client.until("initial_state"))[-1]
    assert frame["state_count"] == 2
    await client.close()


async def test_a_cursor_below_what_is_kept_gets_the_whole_state(alice: User, scribe: Scribe) -> None:
    def forget() -> None:
        scribe.session.events.filter(seq__lte=2).delete()
        type(scribe.session).objects.filter(id=scribe.session.id).update(min_seq=2)

    await sync(forget)()
    client = await JsonClient.of(alice, scribe.session.id, after=1)
    assert (await client.receive())["type"] == "initial_state"
    await client.close()


async def test_a_question_and_its_answer(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    question = await sync(scribe.ask)(grantable=True)
    frames = await client.until("request_confirmation")
    asked = frames[-1]
    assert asked["interaction_id"] == str(question.id)
    assert asked["kind"] == "confirmation"
    assert asked["tool"] == "shell"
    assert asked["arguments"] == {"command": "ls"}
    assert asked["allowed_decisions"] == ["approve", "edit", "reject", "respond"]
    assert asked["grantable"] is True
    waiting = await client.receive()
    assert (waiting["event"], waiting["content"]) == ("run.waiting", "Waiting for your decision.")
    await client.send(type="confirm", interaction_id=str(question.id), value=True)
    resolved = (await client.until("interaction_resolved"))[-1]
    assert (resolved["decision"], resolved["answered_by"], resolved["answered_via"]) == ("approve", "alice", "person")
    assert (await client.receive())["event"] == "run.queued"
    await client.close()


async def test_a_form_has_fields(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    await sync(scribe.ask_form)()
    asked = (await client.until("request_user_input"))[-1]
    assert [(field["name"], field["type"], field["value"], field["required"]) for field in asked["fields"]] == [
        ("city", "text", None, True),
        ("nights", "integer", 2, False),
        ("class", "choice", None, False),
        ("insured", "checkbox", None, False),
        ("pin", "secret", None, False),
    ]
    assert asked["fields"][2]["options"] == ["first", "second"]
    assert asked["schema"]["required"] == ["city"]
    await client.close()


async def test_a_call_in_doubt_asks_what_became_of_it(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    await sync(scribe.doubt)()
    asked = (await client.until("request_confirmation"))[-1]
    assert asked["kind"] == "recovery"
    assert asked["allowed_decisions"] == ["happened", "run_again", "skip", "stop"]
    await client.send(type="confirm", decision="skip")
    assert (await client.until("interaction_resolved"))[-1]["decision"] == "skip"
    await client.close()


async def test_steps_and_their_output_are_streamed(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    await sync(scribe.run_tool)("a.txt\n")
    frames = [await client.receive() for _ in range(4)]
    assert [frame["event"] for frame in frames] == ["step.planned", "step.started", "step.output", "step.succeeded"]
    assert (frames[2]["content"], frames[2]["off"], frames[2]["step_id"]) == ("a.txt\n", 0, frames[1]["step"]["id"])
    assert frames[1]["content"] == "Run a command: ls (running)"
    assert frames[3]["step"]["output"] == "a.txt\n"
    await client.close()


async def test_a_failure_says_why_and_what_can_be_done(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    await sync(scribe.fail)()
    failed = (await client.until("task_failed"))[-1]
    message = "The engine did not answer in time."
    assert failed["error"] == {"code": "engine_timeout", "message": message, "retryable": True}
    assert (failed["content"], failed["actions"]) == (message, ["retry"])
    later = await JsonClient.of(alice, scribe.session.id)
    assert [frame["type"] for frame in (await later.state())["state_messages"]] == ["message", "task_failed"]
    await client.close()
    await later.close()


async def test_delegated_work_does_not_complete_the_task_twice(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    child = await sync(scribe.delegate)()
    await sync(child.start_message)()
    await sync(child.say)("found")
    await sync(child.end_message)()
    await sync(child.finish)("found")
    assert scribe.run is not None
    await sync(scribe.claim)(scribe.run)
    await sync(scribe.finish)('{"found": 1}')
    frames = await client.until("task_completed")
    parent_id, child_id = str(scribe.held.run_id), str(child.held.run_id)
    assert frames[-1]["run_id"] == parent_id
    assert frames[-1]["values"] == {"found": 1}
    own = [frame for frame in frames if frame["run_id"] == child_id]
    assert [frame.get("event") for frame in own if frame["type"] == "stream"] == [
        "run.queued",
        "run.started",
        "run.completed",
    ]
    assert {"message", "generating"} < {frame["type"] for frame in own}
    assert await client.quiet()
    await client.close()


async def test_a_queued_message_takes_its_place_when_its_run_begins(alice: User, scribe: Scribe) -> None:
    client = await JsonClient.of(alice, scribe.session.id)
    await client.state()
    run = await sync(scribe.send)("And then?")
    queued = (await client.until("message"))[-1]["message"]
    assert (queued["content"], queued["status"]) == ("And then?", "queued")
    await sync(scribe.finish)()
    await sync(scribe.claim)(run)
    started = (await client.until("task_started"))[-1]["message"]
    assert (started["message_id"], started["status"]) == (queued["message_id"], "completed")
    assert started["position"] > queued["position"]
    await client.close()
