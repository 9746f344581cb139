"""Runs from prompt to outcome, with agents that are plain programs."""

import asyncio
from datetime import datetime

import pytest

from agents_app.types import NotAnsweredError, RunContext, RunFailedError, ToolRequest
from agentsite.core.errors import ConflictError
from sessions_app.models import Interaction, Run
from sessions_app.models import Message as MessageRow
from sessions_app.services.interactions import AnsweredError, expire_interaction
from sessions_app.services.messages import BusyError, edit_queued_message, withdraw_message
from sessions_app.services.runs import cancel_run, cancel_session, continue_run, retry_run
from tests.support.model_server import cut, reasoning, status, text
from tests.support.puppets import puppet
from tests.support.site import Site, wait_for

FORM = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


async def answers(ctx: RunContext) -> str | None:
    """One model call."""
    return (await ctx.complete([*ctx.history, ctx.prompt])).text


async def asks_city(ctx: RunContext) -> str:
    """One form."""
    try:
        values = await ctx.ask("Which city?", FORM)
    except NotAnsweredError as error:
        return f"no answer: {error.reason}"
    return f"You said {values['city']}."


def test_a_message_becomes_an_answer(site: Site) -> None:
    """The run streams the model's text into a message and completes."""
    site.model.script(text("hello there"))
    session = site.session(puppet(answers))
    run = site.until(site.send(session, "hi"))
    assert (run.status, run.text) == ("completed", "hello there")
    assert [m.text for m in MessageRow.objects.filter(session=session)] == ["hi", "hello there"]
    session.refresh_from_db()
    assert session.title == "hi"


def test_how_long_it_thought_is_kept(site: Site) -> None:
    """From its first thought to its first word; None without thoughts."""
    site.model.script(reasoning("Let me see. ", "Yes."), text("No."))
    session = site.session(puppet(answers))
    site.until(site.send(session, "think"))
    site.until(site.send(session, "do not"))
    thinking, quick = MessageRow.objects.filter(session=session, role="assistant")
    assert (thinking.reasoning, thinking.text) == ("Let me see. ", "Yes.")
    assert thinking.thought_seconds is not None
    assert quick.thought_seconds is None


def test_the_next_run_knows_the_conversation(site: Site) -> None:
    """History carries both sides."""
    session = site.session(puppet(answers))
    site.model.script(text("one"), text("two"))
    site.until(site.send(session, "first"))
    site.until(site.send(session, "second"))
    sent = site.model.requests[1]["messages"]
    assert [message["content"] for message in sent] == ["first", "one", "second"]


def test_a_form_parks_the_run_and_its_answer_resumes_it(site: Site) -> None:
    """No execution waits; after the answer the run is replayed to its end."""
    session = site.session(puppet(asks_city))
    run = site.send(session, "hi")
    question = site.question(run)
    site.until(run, "waiting")
    wait_for(lambda: site.runtime.running() == 0)
    site.answer(question, "submit", values={"city": "Bern"})
    assert site.until(run).text == "You said Bern."
    assert [m.text for m in MessageRow.objects.filter(session=session)] == ["hi", "You said Bern."]


def test_two_tabs_answer_and_the_first_wins(site: Site) -> None:
    """The second answer is refused with the winning one."""
    run = site.send(site.session(puppet(asks_city)), "hi")
    question = site.question(run)
    site.answer(question, "submit", values={"city": "Bern"})
    with pytest.raises(AnsweredError) as caught:
        site.answer(question, "submit", values={"city": "Rome"})
    assert caught.value.details["interaction"]["answer"] == {"values": {"city": "Bern"}}
    assert site.until(run).text == "You said Bern."


def test_a_question_whose_time_is_up_is_not_a_refusal(site: Site) -> None:
    """The agent is told that nobody answered."""
    run = site.send(site.session(puppet(asks_city)), "hi")
    question = site.question(run)
    assert question.expires_at is not None
    assert not expire_interaction(interaction_id=question.id, now=datetime.fromtimestamp(0, question.expires_at.tzinfo))
    assert expire_interaction(interaction_id=question.id, now=question.expires_at)
    assert site.until(run).text == "no answer: expired"


async def asks_three(ctx: RunContext) -> str:
    """Three questions at once, each in its branch."""

    async def one(name: str) -> str:
        return str((await ctx.branch(name).ask(f"{name}?", FORM))["city"])

    found = await asyncio.gather(one("a"), one("b"), one("c"))
    return ", ".join(found)


def test_several_questions_are_answered_in_any_order(site: Site) -> None:
    """The run resumes once all are closed, and each branch gets its own answer."""
    run = site.send(site.session(puppet(asks_three)), "hi")
    site.until(run, "waiting")
    questions = {q.message: q for q in Interaction.objects.filter(run=run)}
    for name in ("c?", "a?", "b?"):
        assert Run.objects.get(id=run.id).status == "waiting"
        site.answer(questions[name], "submit", values={"city": name[0].upper()})
    assert site.until(run).text == "A, B, C"


async def two_at_once(ctx: RunContext) -> str:
    """A mistake: two effects in one scope."""
    await asyncio.gather(ctx.confirm("one?"), ctx.confirm("two?"))
    return "never"


def test_a_second_effect_in_one_scope_is_an_error(site: Site) -> None:
    """The run fails as the agent's mistake."""
    run = site.until(site.send(site.session(puppet(two_at_once)), "hi"))
    assert (run.status, run.code) == ("failed", "agent_error")


def test_messages_queue_and_can_be_changed_or_withdrawn(site: Site) -> None:
    """A second message waits for the first; until it is taken it belongs to the person."""
    session = site.session(puppet(asks_city))
    first = site.send(session, "one")
    site.until(first, "waiting")
    second, third = site.send(session, "two"), site.send(session, "three")
    assert second.prompt_id is not None
    assert third.prompt_id is not None
    edit_queued_message(message_id=second.prompt_id, text="deux")
    assert withdraw_message(message_id=third.prompt_id, user=site.owner).status == "withdrawn"
    with pytest.raises(BusyError):
        site.send(session, "four", strategy="reject")
    site.answer(site.question(first), "decline")
    assert site.until(second, "waiting").prompt_text == "deux"
    with pytest.raises(ConflictError):
        edit_queued_message(message_id=second.prompt_id, text="zwei")
    cancel_session(session_id=session.id, user=site.owner)


def test_interrupt_stops_what_is_on_and_goes_on_with_the_new(site: Site) -> None:
    """The old question is closed, the new message runs."""
    session = site.session(puppet(asks_city))
    first = site.send(session, "one")
    question = site.question(first)
    second = site.send(session, "two", strategy="interrupt")
    assert site.until(first).status == "cancelled"
    question.refresh_from_db()
    assert (question.status, question.answered_via) == ("cancelled", "cancel")
    site.answer(site.question(second), "submit", values={"city": "Bern"})
    assert site.until(second).status == "completed"


def test_stop_closes_the_stream_and_keeps_the_text(site: Site) -> None:
    """Within a second the provider's request is closed; what was said stays; stopping twice changes nothing."""
    site.model.script(text("word " * 500, tokens_per_second=50))
    session = site.session(puppet(answers))
    run = site.send(session, "talk")
    wait_for(lambda: MessageRow.objects.filter(run=run, status="streaming").exists())
    wait_for(lambda: site.model.requests)
    wait_for(lambda: run.session.events.filter(type="message.delta").count() >= 2)
    assert cancel_run(run_id=run.id, user=site.owner) == "cancelling"
    assert site.until(run).status == "cancelled"
    wait_for(lambda: site.model.closed_early, 1.0)
    assert cancel_run(run_id=run.id, user=site.owner) == "none"
    message = MessageRow.objects.get(run=run, role="assistant")
    assert (message.status, message.reason) == ("incomplete", "cancelled")
    assert message.text.startswith("word word")


async def asks_then_answers(ctx: RunContext) -> str:
    """A question first, then a model call."""
    agreed = await ctx.confirm("Shall I?")
    reply = await ctx.complete([ctx.prompt])
    return f"{agreed}: {reply.text}"


def test_retry_replays_what_was_recorded(site: Site) -> None:
    """The question is not asked again; only the failed call is."""
    site.model.script(status(500, {}), text("fine"))
    run = site.send(site.session(puppet(asks_then_answers)), "hi")
    site.answer(site.question(run), "approve")
    failed = site.until(run)
    assert (failed.status, failed.code, failed.actions) == ("failed", "engine_error", ["retry"])
    again = site.until(retry_run(run_id=run.id))
    assert (again.status, again.text, again.retry_of_id) == ("completed", "True: fine", run.id)
    assert Interaction.objects.filter(session=run.session).count() == 1
    failed.refresh_from_db()
    assert failed.status == "failed"


def test_a_cut_stream_is_a_failure_that_keeps_its_text(site: Site) -> None:
    """A connection that ends without a terminal frame is not an answer."""
    site.model.script(cut(after=3))
    run = site.until(site.send(site.session(puppet(answers)), "hi"))
    assert (run.status, run.code) == ("failed", "stream_cut")
    message = MessageRow.objects.get(run=run, role="assistant")
    assert message.status == "incomplete"
    assert message.text


async def hits_limit(ctx: RunContext) -> str:
    """Ends at a limit."""
    if ctx.limits.steps <= 40:
        raise RunFailedError("limit_steps", "That was the limit.", actions=("continue",))
    return f"{ctx.limits.steps} now"


def test_continue_raises_the_limit_that_was_hit(site: Site) -> None:
    """And only where continuing was offered."""
    run = site.until(site.send(site.session(puppet(hits_limit)), "hi"))
    assert run.code == "limit_steps"
    with pytest.raises(ConflictError):
        retry_run(run_id=run.id)
    assert site.until(continue_run(run_id=run.id)).text == "80 now"


async def parent(ctx: RunContext) -> str:
    """Delegates twice, side by side."""
    one, two = await asyncio.gather(
        ctx.branch("one").delegate("puppet-asks-city", "first"), ctx.branch("two").delegate("nobody", "second")
    )
    return f"{one.status}: {one.text} / {two.status}"


def test_a_parent_waits_for_its_child_without_a_process(site: Site) -> None:
    """The child's question surfaces in the parent's session; its end wakes the parent."""
    puppet(asks_city)
    session = site.session(puppet(parent))
    run = site.send(session, "hi")
    waiting = site.until(run, "waiting")
    assert waiting.wait_reason == "child"
    child = wait_for(lambda: Run.objects.filter(parent=run).first())
    wait_for(lambda: site.runtime.running() == 0)
    site.answer(site.question(child), "submit", values={"city": "Bern"})
    assert site.until(run).text == "completed: You said Bern. / failed"


def test_stopping_a_parent_stops_its_child(site: Site) -> None:
    """Children and their questions end with it."""
    puppet(asks_city)
    run = site.send(site.session(puppet(parent)), "hi")
    child = wait_for(lambda: Run.objects.filter(parent=run).first())
    question = site.question(child)
    site.until(run, "waiting")
    assert cancel_run(run_id=run.id, user=site.owner) == "cancelled"
    assert site.until(child).status == "cancelled"
    question.refresh_from_db()
    assert question.status == "cancelled"


async def calls_unknown(ctx: RunContext) -> str:
    """Calls that cannot run are results, not errors."""
    results = await ctx.call_tools([ToolRequest("1", "nothing", "{}"), ToolRequest("2", "read_file", '{"path": ')])
    return "; ".join(f"{result.status} {result.code}" for result in results)


def test_calls_that_cannot_run_are_told_to_the_model(site: Site) -> None:
    """An unknown tool and arguments cut in the middle."""
    run = site.until(site.send(site.session(puppet(calls_unknown, tools=["read_file"])), "hi"))
    assert run.text == "failed unknown_tool; failed malformed_arguments"


DRIFT = {"question": "Which city?"}


async def drifts(ctx: RunContext) -> str:
    """Asks something else after an upgrade."""
    return str(await ctx.ask(DRIFT["question"], FORM))


def test_a_changed_program_ends_as_replay_mismatch_and_goes_on_from_the_conversation(site: Site) -> None:
    """What was answered is kept; one click makes a run from the conversation."""
    run = site.send(site.session(puppet(drifts)), "hi")
    question = site.question(run)
    site.until(run, "waiting")
    DRIFT["question"] = "Which town?"
    site.answer(question, "submit", values={"city": "Bern"})
    ended = site.until(run)
    assert (ended.code, ended.actions) == ("replay_mismatch", ["continue"])
    onward = continue_run(run_id=run.id)
    site.answer(site.question(onward), "submit", values={"city": "Thun"})
    assert site.until(onward).status == "completed"
    DRIFT["question"] = "Which city?"


async def tells_time(ctx: RunContext) -> str:
    """Time and chance are the same on replay."""
    before = (ctx.now().isoformat(), ctx.random().random())
    await ctx.confirm("Go on?")
    seen.append(before)
    return "ok"


seen: list[tuple[str, float]] = []


def test_replay_sees_the_same_time_and_chance(site: Site) -> None:
    """`now` and `random` come from the record."""
    seen.clear()
    run = site.send(site.session(puppet(tells_time)), "hi")
    site.until(run, "waiting")
    site.answer(site.question(run), "approve")
    site.until(run)
    assert len(set(seen)) == 1
