"""Tool calls as effects: planned together, each through the gate, written ahead, run once, in doubt asked about."""

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from django.utils import timezone
from pydantic import ValidationError

from agents_app.types import ToolRequest, ToolResult
from agentsite.core.reading import in_database
from sessions_app import faults
from sessions_app.models import Interaction, Step
from sessions_app.runner.attempt import Attempt
from sessions_app.runner.errors import ReplayMismatchError
from sessions_app.runner.plans import plan_call, request_digest, shown_digest
from sessions_app.runner.questions import latest_interaction
from sessions_app.runner.secrets import insert_secrets
from sessions_app.services import tool_steps
from sessions_app.services.recording import Ending
from sessions_app.services.tool_steps import ToolPlan
from sessions_app.types import InteractionKind, InteractionStatus, StepStatus
from tools_app import registry
from tools_app import services as tools
from tools_app.types import Decision, Effect, Tool, ToolContext, ToolError, ToolOutput, ToolTimeoutError

OUTPUT_CHARACTERS = 65_536
GRACE_SECONDS = 5.0
_OVER = (StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.DENIED, StepStatus.CANCELLED)
logger = logging.getLogger(__name__)


async def call_tools(attempt: Attempt, key: str, calls: Sequence[ToolRequest]) -> list[Step]:
    """The steps of `calls`, each with its outcome.

    Raises ReplayMismatchError.
    """
    keys = [f"{key}.{index}" for index in range(len(calls))]
    await _plan_missing(attempt, dict(zip(keys, calls, strict=True)))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_settle(attempt, attempt.steps[key])) for key in keys]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def result_of(step: Step, call: ToolRequest) -> ToolResult:
    """What the model is told of a step."""
    result = step.result or {}
    return ToolResult(call.id, call.name, step.status, result.get("content", ""), step.code, result.get("data", {}))


async def _plan_missing(attempt: Attempt, calls: dict[str, ToolRequest]) -> None:
    missing = {}
    for key, call in calls.items():
        recorded = attempt.steps.get(key)
        if recorded is None:
            missing[key] = call
        elif recorded.digest != request_digest(call):
            raise ReplayMismatchError(key)
    if not missing:
        return
    async with attempt.in_flight():
        plans = await in_database(_plans, attempt, missing)
        for step in await attempt.write(tool_steps.plan_tools, plans=plans):
            attempt.record(step)


def _plans(attempt: Attempt, calls: dict[str, ToolRequest]) -> list[ToolPlan]:
    offered = frozenset(spec.name for spec in attempt.thawed.tools)
    return [plan_call(key, call, offered, attempt.subject) for key, call in calls.items()]


async def _settle(attempt: Attempt, step: Step) -> Step:
    """Bring one call to its outcome, or park."""
    if step.status in _OVER:
        return step
    if step.status == StepStatus.STARTED:
        return await _resolve_doubt(attempt, step)
    if step.status == StepStatus.PLANNED:
        return await _run(attempt, step, step.arguments)
    interaction = await in_database(_question, step)
    if interaction is None:
        return await _ask_what_happened(attempt, step)
    if interaction.status == InteractionStatus.PENDING:
        await attempt.park()
    if interaction.status == InteractionStatus.CANCELLED:
        return await _end(attempt, step, Ending(StepStatus.CANCELLED, "The question was withdrawn.", "cancelled"))
    return await _act(attempt, step, interaction)


def _question(step: Step) -> Interaction | None:
    return latest_interaction(step) if Interaction.objects.filter(step_id=step.id).exists() else None


async def _act(attempt: Attempt, step: Step, interaction: Interaction) -> Step:
    """Do what a closed question says."""
    answer = interaction.answer or {}
    if interaction.status == InteractionStatus.EXPIRED:
        sentence = "No answer came in time. This is not a refusal; the person may be away."
        return await _end(attempt, step, Ending(StepStatus.DENIED, sentence, "expired"))
    if interaction.decision == "approve":
        if await in_database(_has_changed, step, interaction):
            sentence = "The tool has changed since the person approved this call. Call it again."
            return await _end(attempt, step, Ending(StepStatus.DENIED, sentence, "changed"))
        return await _run(attempt, step, step.arguments)
    if interaction.decision == "edit":
        return await _run(attempt, step, answer["arguments"], edited=True)
    if interaction.decision == "run_again":
        return await _run(attempt, step, _begun_with(step))
    return await _end(attempt, step, _ending(interaction, answer))


def _has_changed(step: Step, interaction: Interaction) -> bool:
    tool = registry.get_tool(step.tool)
    return tool is None or shown_digest(tool, step.arguments) != interaction.digest


def _ending(interaction: Interaction, answer: dict[str, Any]) -> Ending:
    reason = answer.get("reason", "")
    said = f" They said: {reason}" if reason else ""
    if interaction.decision == "respond":
        return Ending(StepStatus.SUCCEEDED, answer["content"], data={"responded": True})
    if interaction.decision == "submit":
        return Ending(StepStatus.SUCCEEDED, json.dumps(answer["values"], ensure_ascii=False), data=answer)
    if interaction.decision == "happened":
        return Ending(StepStatus.SUCCEEDED, reason or "The person says that it took effect.", "happened")
    if interaction.decision == "skip":
        return Ending(StepStatus.FAILED, f"Interrupted; the person chose to skip it.{said}", "skipped")
    if interaction.kind == InteractionKind.INPUT:
        return Ending(StepStatus.DENIED, f"The person declined to answer.{said}", "declined")
    if interaction.decision == "reject":
        return Ending(StepStatus.DENIED, f"The person refused this call.{said}", "rejected")
    return Ending(StepStatus.CANCELLED, "Stopped by the person.", "cancelled")


def _begun_with(step: Step) -> dict[str, Any]:
    """An edited call may have no arguments at all."""
    arguments: dict[str, Any] = step.arguments if step.effective_arguments is None else step.effective_arguments
    return arguments


async def _end(attempt: Attempt, step: Step, ending: Ending) -> Step:
    async with attempt.in_flight():
        step = await attempt.write(tool_steps.end_step, step=step, ending=ending)
        attempt.record(step)
        return step


async def _resolve_doubt(attempt: Attempt, step: Step) -> Step:
    """A call that an earlier holder began: run it again only where that does no harm."""
    if step.effect in (Effect.READ, Effect.IDEMPOTENT):
        return await _run(attempt, step, _begun_with(step))
    assert step.started_at is not None
    over = step.started_at + timedelta(seconds=step.timeout_seconds + GRACE_SECONDS)
    if not attempt.is_dead(step.started_owner) and timezone.now() < over:
        await attempt.park(until=over)
    return await _ask_what_happened(attempt, step)


async def _ask_what_happened(attempt: Attempt, step: Step) -> Step:
    if not attempt.interactive:
        return await _end(
            attempt, step, Ending(StepStatus.UNKNOWN, "Outcome unknown: it may have taken effect.", "outcome_unknown")
        )
    message = "The site stopped while this was running. It may or may not have taken effect."
    async with attempt.in_flight():
        step = await attempt.write(tool_steps.doubt_step, step=step, message=message)
        attempt.record(step)
    await attempt.park()
    return step


async def _run(attempt: Attempt, step: Step, arguments: dict[str, Any], *, edited: bool = False) -> Step:
    """Write ahead, do it, record what came of it."""
    tool = registry.get_tool(step.tool)
    async with attempt.in_flight():
        refusal = await in_database(_refusal, attempt, tool, arguments)
        if tool is None or refusal is not None:
            ending = refusal or Ending(StepStatus.FAILED, "This tool is gone.", "unknown_tool")
        else:
            display = asdict(tool.display(arguments))
            step = await attempt.write(tool_steps.start_step, step=step, arguments=arguments, display=display)
            attempt.record(step)
            ending = await _effect(attempt, step, tool, arguments)
            ending = _told_of_edit(ending, arguments) if edited else ending
        step = await attempt.write(tool_steps.end_step, step=step, ending=ending)
        attempt.streams.forget(step.id)
        attempt.record(step)
        return step


def _refusal(attempt: Attempt, tool: Tool | None, arguments: dict[str, Any]) -> Ending | None:
    """A rule written while the call waited still denies it."""
    if tool is None:
        return None
    verdict = tools.evaluate(tool=tool, arguments=arguments, subject=attempt.subject)
    if verdict.decision is Decision.DENY and attempt.interactive:
        return Ending(StepStatus.DENIED, f"Not allowed: {verdict.reason}", "denied")
    return None


def _told_of_edit(ending: Ending, arguments: dict[str, Any]) -> Ending:
    """The model must not take the result for that of the call it wrote."""
    ran = json.dumps(arguments, ensure_ascii=False)
    return replace(ending, content=f"The person changed the arguments; this is what ran: {ran}\n{ending.content}")


async def _effect(attempt: Attempt, step: Step, tool: Tool, arguments: dict[str, Any]) -> Ending:
    redactor = attempt.redactor
    output = redactor.stream(_limited(attempt, step))
    context = ToolContext(
        session_id=attempt.hold.session_id,
        run_id=attempt.hold.run_id,
        step_id=step.id,
        workspace=attempt.workspace,
        idempotency_key=f"{attempt.origin_id}:{step.key}",
        output=output.push,
        redact=redactor.text if attempt.secrets else None,
    )
    attempt.begun.add(step.id)
    faults.point("effect.tool.begin")
    try:
        ending = await _outcome(tool, insert_secrets(arguments, tool.secret_parameters, attempt.secrets), context)
    finally:
        output.close()
    faults.point("effect.tool.end")
    return Ending(ending.status, redactor.text(ending.content), ending.code, redactor.value(dict(ending.data)))


async def _outcome(tool: Tool, arguments: dict[str, Any], context: ToolContext) -> Ending:
    seconds = tool.timeout_seconds + GRACE_SECONDS
    try:
        done: ToolOutput = await asyncio.wait_for(tool.run(tool.arguments.model_validate(arguments), context), seconds)
        return Ending(StepStatus.SUCCEEDED, done.content, data=done.data)
    except TimeoutError:
        error: ToolError = ToolTimeoutError(seconds)
    except ValidationError:
        error = ToolError("The arguments do not fit this tool any more. Call it again.", code="invalid_arguments")
    except ToolError as failed:
        error = failed
    except Exception:
        logger.exception("Tool %s crashed", tool.name)
        error = ToolError("The tool broke; the site's log has the details.", code="tool_crashed")
    return Ending(StepStatus.FAILED, error.message, error.code, error.data)


def _limited(attempt: Attempt, step: Step) -> Any:
    """Live output up to 64 kB; the result says where the rest is."""
    left = OUTPUT_CHARACTERS

    def emit(text: str) -> None:
        nonlocal left
        if left > 0:
            attempt.streams.push(step.id, "output", text[:left])
            left -= len(text)

    return emit
