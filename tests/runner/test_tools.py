"""Tool calls: the gate before each, what runs is what was shown, and nothing runs twice."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents_app.types import RunContext
from sessions_app.models import Interaction, Run, Secret, Step
from sessions_app.services.answers import DecisionError, FieldsError
from sessions_app.services.runs import cancel_run, retry_run
from tests.support.puppets import puppet
from tests.support.site import Site, wait_for
from tests.support.story import call
from tests.support.toolbox import lines, toolbox

TOOLS = ["peek", "put", "act", "dare"]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    """Where effects are counted."""
    path = tmp_path / "effects.log"
    with toolbox(path):
        yield path


async def dares(ctx: RunContext) -> str:
    """One call that asks."""
    [result] = await ctx.call_tools([call("dare", "x")])
    return f"{result.status} {result.content}"


def test_approve_runs_what_was_shown(site: Site, log: Path) -> None:
    """Nothing runs before the yes."""
    run = site.send(site.session(puppet(dares, tools=TOOLS)), "go")
    question = site.question(run)
    assert (question.tool, question.arguments["text"], question.risk) == ("dare", "x", "medium")
    site.until(run, "waiting")
    assert lines(log) == []
    site.answer(question, "approve")
    assert site.until(run).text == "succeeded noted x"
    assert lines(log) == ["dare x"]
    [step] = site.steps(run)
    assert step.output == "noting x\n"


def test_edit_runs_the_edited_call(site: Site, log: Path) -> None:
    """Both calls are kept; arguments that do not fit are refused before anything is stored."""
    run = site.send(site.session(puppet(dares, tools=TOOLS)), "go")
    question = site.question(run)
    with pytest.raises(FieldsError):
        site.answer(question, "edit", arguments={"text": 5, "more": 1})
    site.answer(question, "edit", arguments={"text": "y"})
    told = 'The person changed the arguments; this is what ran: {"text": "y"}'
    assert site.until(run).text == f"succeeded {told}\nnoted y"
    assert lines(log) == ["dare y"]
    [step] = site.steps(run)
    assert (step.arguments["text"], step.effective_arguments) == ("x", {"text": "y"})
    assert step.display["key_argument"] == "y"


def test_reject_tells_the_model_why(site: Site, log: Path) -> None:
    """A refusal is a result."""
    run = site.send(site.session(puppet(dares, tools=TOOLS)), "go")
    with pytest.raises(DecisionError):
        site.answer(site.question(run), "maybe")
    site.answer(site.question(run), "reject", reason="not today")
    assert site.until(run).text == "denied The person refused this call. They said: not today"
    assert lines(log) == []


def test_respond_answers_in_the_tools_place(site: Site, log: Path) -> None:
    """The person's text is the result; nothing runs."""
    run = site.send(site.session(puppet(dares, tools=TOOLS)), "go")
    site.answer(site.question(run), "respond", reason="it is 7")
    assert site.until(run).text == "succeeded it is 7"
    assert lines(log) == []


def test_with_nobody_to_ask_ask_means_deny(site: Site, log: Path) -> None:
    """A run without a person behind it."""
    run = site.send(site.session(puppet(dares, tools=TOOLS)), "go", interactive=False)
    assert site.until(run).text.startswith("denied")
    assert lines(log) == []


async def many(ctx: RunContext) -> str:
    """Calls of every kind at once."""
    results = await ctx.call_tools([call("peek", "a"), call("dare", "b"), call("act", "fail"), call("dare", "c")])
    return ", ".join(f"{result.name} {result.status}" for result in results)


def test_calls_of_one_reply_run_side_by_side_and_once(site: Site, log: Path) -> None:
    """What is allowed runs while the questions are open; the replay after them repeats nothing."""
    run = site.send(site.session(puppet(many, tools=TOOLS)), "go")
    site.until(run, "waiting")
    assert sorted(lines(log)) == ["act fail", "peek a"]
    questions = list(Interaction.objects.filter(run=run).order_by("position"))
    site.answer(questions[1], "approve")
    assert Run.objects.get(id=run.id).status == "waiting"
    site.answer(questions[0], "reject")
    assert site.until(run).text == "peek succeeded, dare denied, act failed, dare succeeded"
    assert sorted(lines(log)) == ["act fail", "dare c", "peek a"]


async def acts_slowly(ctx: RunContext) -> str:
    """An unsafe call that takes its time."""
    [result] = await ctx.call_tools([call("act", "slow", 30)])
    return result.status


def test_stop_in_the_middle_of_an_unsafe_tool_is_honest(site: Site, log: Path) -> None:
    """It may have taken effect: that is what the page says.

    Retry asks before it runs again.
    """
    run = site.send(site.session(puppet(acts_slowly, tools=TOOLS)), "go")
    wait_for(lambda: lines(log))
    cancel_run(run_id=run.id, user=site.owner)
    site.until(run)
    [step] = site.steps(run)
    assert (step.status, step.code) == ("unknown", "outcome_unknown")
    assert Interaction.objects.filter(run=run).count() == 0
    again = retry_run(run_id=run.id)
    question = site.question(again)
    assert (question.kind, question.expires_at) == ("recovery", None)
    site.answer(question, "happened", reason="it did")
    assert site.until(again).text == "succeeded"
    assert lines(log) == ["act slow"]


async def keeps_a_secret(ctx: RunContext) -> str:
    """A secret goes from a form into a tool without the model seeing it."""
    schema = {"type": "object", "properties": {"key": {"type": "string", "format": "password"}}, "required": ["key"]}
    values = await ctx.ask("Your key?", schema)
    [result] = await ctx.call_tools([call("act", values["key"])])
    return f"{values['key']} {result.content}"


def test_a_secret_reaches_the_tool_and_nothing_else(site: Site, log: Path) -> None:
    """Stored encrypted, redacted in output and result, gone with the run."""
    session = site.session(puppet(keeps_a_secret, tools=TOOLS))
    run = site.send(session, "go")
    question = site.question(run)
    site.answer(question, "submit", values={"key": "hunter2-hunter2"})
    done = site.until(run)
    assert done.text == "⟨secret:key⟩ noted ⟨secret:key⟩"
    assert "act hunter2-hunter2" in lines(log)
    assert not Secret.objects.exists()
    kept = json.dumps(list(session.events.values_list("data", flat=True))) + str(
        list(Step.objects.filter(run=run).values())
    )
    assert "hunter2" not in kept


async def forgets_a_branch(ctx: RunContext) -> str:
    """Returns while a branch still works."""
    forgotten = asyncio.create_task(ctx.branch("slow").call_tools([call("act", "slow", 30)]))
    while not ctx.spent().tool_calls:
        await ctx.branch("quick").call_tools([call("peek", "a")])
    assert not forgotten.done()
    return "done"


def test_a_branch_that_is_left_behind_ends_with_its_run(site: Site, log: Path) -> None:
    """Nothing goes on in the background; what may have happened is said."""
    run = site.until(site.send(site.session(puppet(forgets_a_branch, tools=TOOLS)), "go"))
    assert run.text == "done"
    assert {step.tool: step.status for step in site.steps(run)} == {"peek": "succeeded", "act": "unknown"}
    assert wait_for(lambda: site.runtime.running() == 0)
