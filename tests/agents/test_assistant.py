"""The Assistant's loop, told as stories on a run in memory."""

import itertools
from typing import Any

import pytest
from pydantic import ValidationError

from agents_app import templates
from agents_app.catalog.assistant import GAVE_UP, Assistant, AssistantConfig
from agents_app.models import Agent
from agents_app.types import Limits, Message, Reply, RunContext, RunFailedError
from tests.agents.scripted_context import NOON, ScriptedContext, asked, said
from tools_app.types import ToolSpec

LS = ("shell", {"command": "ls"})


async def run(ctx: ScriptedContext) -> str | None:
    checked: RunContext = ctx
    return await Assistant().run(checked)


async def failure(ctx: ScriptedContext) -> RunFailedError:
    with pytest.raises(RunFailedError) as caught:
        await run(ctx)
    return caught.value


async def test_an_answer_without_tools_is_the_end() -> None:
    ctx = ScriptedContext(said("hello"), history=[Message("user", "before"), Message("assistant", "yes")])

    assert await run(ctx) is None
    assert [(message.role, message.content) for message in ctx.prompts[0]] == [
        ("system", "You are a test."),
        ("user", "before"),
        ("assistant", "yes"),
        ("user", "do it"),
    ]


async def test_tools_are_called_and_their_results_given_back() -> None:
    ctx = ScriptedContext(asked(LS, ("shell", {"command": "pwd"}), text="Looking."), said("two files"))

    await run(ctx)

    assert [call.arguments for call in ctx.called] == ['{"command": "ls"}', '{"command": "pwd"}']
    request, *results = ctx.prompts[1][-3:]
    assert (request.role, request.content) == ("assistant", "Looking.")
    assert [result.tool_call_id for result in results] == [call.id for call in request.tool_requests]
    assert {result.content for result in results} == {"result of shell"}


async def test_malformed_and_truncated_calls_go_on_with_their_failed_results() -> None:
    broken = asked(("shell", '{"command": "l'), finish_reason="length")
    ctx = ScriptedContext(broken, broken, said("sorry"), tool=lambda request: f"not JSON: {next(numbers)}")
    numbers = itertools.count()

    assert await run(ctx) is None
    assert len(ctx.prompts) == 3


def _spending(**spent: Any) -> Reply:
    return Reply("", tool_requests=asked(LS).tool_requests, usage=said("", **spent).usage, cost=spent.get("cost", 0.0))


@pytest.mark.parametrize(
    ("limits", "options", "code", "model_calls", "tool_calls"),
    [
        (Limits(steps=3), {}, "limit_steps", 3, 3),
        (Limits(tool_calls=2), {}, "limit_tool_calls", 3, 2),
        (Limits(tokens=200), {}, "limit_tokens", 2, 2),
        (Limits(cost=0.3), {}, "limit_cost", 3, 3),
        (Limits(seconds=20), {"seconds_a_step": 5.0}, "limit_seconds", 4, 4),
    ],
)
async def test_each_limit_ends_the_run_and_can_be_raised(
    limits: Limits, options: dict[str, Any], code: str, model_calls: int, tool_calls: int
) -> None:
    numbers = itertools.count()
    ctx = ScriptedContext(
        _spending(tokens=100, cost=0.1), limits=limits, tool=lambda _: f"new {next(numbers)}", **options
    )

    error = await failure(ctx)

    assert (error.code, error.actions) == (code, ("continue",))
    assert (len(ctx.prompts), len(ctx.called)) == (model_calls, tool_calls)
    assert "Continue" in error.message


async def test_going_in_circles_becomes_a_question() -> None:
    ctx = ScriptedContext(asked(LS), answers=[False])

    assert await run(ctx) == GAVE_UP
    assert len(ctx.called) == 2
    assert "three times" in ctx.questions[0]
    assert '{"command": "ls"}' in ctx.questions[0]


async def test_a_yes_lets_it_go_on_until_the_next_circle() -> None:
    ctx = ScriptedContext(asked(LS), answers=[True, False])

    assert await run(ctx) == GAVE_UP
    assert len(ctx.called) == 2 + 2


async def test_the_spacing_of_arguments_hides_no_circle() -> None:
    spaced = asked(("shell", '{ "command":"ls" }'))
    ctx = ScriptedContext(asked(LS), spaced, asked(LS), answers=[False])

    assert await run(ctx) == GAVE_UP


async def test_a_circle_of_two_is_noticed_too() -> None:
    pwd = asked(("shell", {"command": "pwd"}))
    ctx = ScriptedContext(asked(LS), pwd, asked(LS), pwd, asked(LS), answers=[False])

    assert await run(ctx) == GAVE_UP
    assert len(ctx.called) == 4


async def test_the_same_call_with_news_is_no_circle() -> None:
    numbers = itertools.count()
    calls = [asked(LS)] * 6
    ctx = ScriptedContext(*calls, said("done"), tool=lambda _: f"{next(numbers)} tests failed")

    assert await run(ctx) is None
    assert ctx.questions == []


async def test_an_empty_answer_is_a_failure_that_can_be_retried() -> None:
    error = await failure(ScriptedContext(said(" \n")))

    assert (error.code, error.actions) == ("empty_answer", ("retry",))


async def test_an_answer_that_was_cut_can_be_continued() -> None:
    cut, rest = said("half an ", finish_reason="length"), said("answer")

    error = await failure(ScriptedContext(cut))
    continued = ScriptedContext(cut, rest, limits=Limits(answer_parts=2))

    assert (error.code, error.actions) == ("answer_cut", ("continue",))
    assert await run(continued) is None
    assert [message.role for message in continued.prompts[1][-2:]] == ["assistant", "user"]


async def test_a_replay_comes_to_the_same_end() -> None:
    """Counting is by what the agent was given, so what is recorded ahead of it never ends a run early."""
    ctx = ScriptedContext(asked(LS), said("done"), limits=Limits(steps=2, tool_calls=1))
    ctx.recorded_steps, ctx.recorded_calls = 2, 1

    assert await run(ctx) is None
    assert len(ctx.called) == 1


def test_the_system_prompt_says_what_matters() -> None:
    config = AssistantConfig(instructions="Speak like a pirate.")
    tools = [ToolSpec("shell", "", {}), ToolSpec("python", "", {})]

    prompt = Assistant().system_prompt(config, now=NOON, tools=tools, agent_name="Flint")

    for part in (
        "Flint",
        "Sunday, 1 March 2026",
        "shell, python",
        "workspace",
        "never instructions",
        "⟨secret:name⟩",
        "pirate",
    ):
        assert part in prompt
    assert len(prompt) < 1_500
    assert "⟨secret" not in Assistant().system_prompt(config, now=NOON, tools=[], agent_name="Flint")


def test_four_starters_that_work_with_what_there_is() -> None:
    every = frozenset({"python", "shell", "read_file", "write_file", "list_files", "edit_file", "ask_user"})
    for tools in (every, every - {"python", "shell"}, frozenset[str]()):
        starters = Assistant().starters(tools)
        assert len({starter.title for starter in starters}) == 4
    assert not any("Python" in s.prompt or "`" in s.prompt for s in Assistant().starters(every - {"python", "shell"}))


def test_what_is_frozen_thaws_to_the_same() -> None:
    agent = Agent(name="Ada", template_key="assistant", config={"most_steps": 7}, tools=["read_file", "gone"])

    frozen = templates.freeze(agent, now=NOON)
    thawed = templates.thaw(frozen)

    assert isinstance(thawed.template, Assistant)
    assert thawed.limits.steps == 7
    assert [tool.name for tool in thawed.tools] == ["read_file"]
    assert thawed.system_prompt == frozen["system_prompt"]
    assert "Ada" in thawed.system_prompt


def test_a_bad_configuration_and_a_missing_template_are_refused() -> None:
    with pytest.raises(ValidationError):
        templates.freeze(Agent(name="x", template_key="assistant", config={"most_stepz": 7}), now=NOON)
    with pytest.raises(templates.TemplateMissingError):
        templates.freeze(Agent(name="x", template_key="gone"), now=NOON)
    with pytest.raises(ValueError, match="two templates"):
        templates.register(Assistant())
