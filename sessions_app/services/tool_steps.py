"""Tool calls on record: planned with the gate's word, begun, ended, and in doubt after a crash."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentsite.core.digest import digest
from sessions_app.models import Run, Step
from sessions_app.services.consent import check_may_begin
from sessions_app.services.endings import streamed_output
from sessions_app.services.holds import Delta, Hold, add_deltas, holding
from sessions_app.services.journal import Entry
from sessions_app.services.recording import (
    STEP_EVENTS,
    Asked,
    Ending,
    begin_step,
    close_step,
    new_step,
    own_step,
    put_question,
)
from sessions_app.types import EventType, InteractionKind, StepKind, StepStatus
from tools_app import services as tools
from tools_app.types import Decision, Verdict


@dataclass(frozen=True, slots=True)
class ToolPlan:
    """One tool call as it is about to be recorded; `outcome` is set when it ends before it begins (malformed,
    denied)."""

    key: str
    digest: str
    call_id: str
    tool: str
    arguments: dict[str, Any]
    effect: str
    display: dict[str, Any]
    timeout_seconds: float
    verdict: Verdict | None = None
    shown_digest: str = ""
    editable: bool = True
    schema: dict[str, Any] | None = None
    question: str = ""
    outcome: tuple[StepStatus, str, str] | None = None


def plan_tools(*, hold: Hold, pending: Sequence[Delta], plans: Sequence[ToolPlan]) -> list[Step]:
    """Record the calls of one reply, what the gate said of each, and the questions that follow."""
    with holding(hold, "step.plan", pending, starting=True) as (entry, run):
        return [_plan(entry, run, plan) for plan in plans]


def _plan(entry: Entry, run: Run, plan: ToolPlan) -> Step:
    step = new_step(entry, run, plan.key, StepKind.TOOL)
    step.digest, step.call_id, step.tool, step.effect = plan.digest, plan.call_id[:100], plan.tool[:100], plan.effect
    step.display, step.arguments, step.timeout_seconds = plan.display, plan.arguments, plan.timeout_seconds
    asks = plan.schema is not None or (plan.verdict is not None and plan.verdict.decision is Decision.ASK)
    if plan.outcome is not None:
        status, step.code, content = plan.outcome
        step.result = {"content": content, "data": {}}
        close_step(entry, step, status)
    else:
        step.status = StepStatus.WAITING if asks else StepStatus.PLANNED
        step.save(force_insert=True)
        entry.tell_step(STEP_EVENTS[step.status], step)
    if plan.verdict is not None:
        _record_verdict(entry, run, step, plan)
    if asks and plan.outcome is None:
        put_question(entry, run, step, _question_of(plan))
    return step


def _record_verdict(entry: Entry, run: Run, step: Step, plan: ToolPlan) -> None:
    assert plan.verdict is not None
    tools.record_decision(
        run_id=run.id,
        session_id=run.session_id,
        step_id=step.id,
        user_id=entry.session.owner_id,
        tool=plan.tool[:100],
        arguments_digest=digest(plan.arguments),
        decision=plan.verdict.decision,
        source=plan.verdict.source,
        reason=plan.verdict.reason,
        risk=plan.verdict.risk,
        rule_id=plan.verdict.rule_id,
    )


def _question_of(plan: ToolPlan) -> Asked:
    if plan.schema is not None:
        return Asked(InteractionKind.INPUT, plan.question, ("submit", "decline"), plan.shown_digest, schema=plan.schema)
    assert plan.verdict is not None
    decisions = ("approve", "edit", "reject", "respond") if plan.editable else ("approve", "reject", "respond")
    return Asked(
        InteractionKind.CONFIRMATION,
        plan.display.get("sentence", plan.tool),
        decisions,
        plan.shown_digest,
        risk=plan.verdict.risk,
        risk_reason=plan.verdict.risk_reason,
        grantable=plan.verdict.waivable,
    )


def start_step(
    *,
    hold: Hold,
    pending: Sequence[Delta],
    step: Step,
    arguments: dict[str, Any],
    display: dict[str, Any] | None = None,
) -> Step:
    """Write ahead: the effect of `step` is about to begin with `arguments`.

    Raises StopAskedError, LostHoldError, and NotAllowedError where the record does not allow it.
    """
    with holding(hold, "step.start", pending, starting=True) as (entry, run):
        step = Step.objects.get(id=step.id)
        check_may_begin(step, arguments)
        step.effective_arguments, step.display, step.output = arguments, display or step.display, ""
        again = step.started_at is not None
        begin_step(entry, hold, step)
        step.save()
        entry.tell_step(EventType.STEP_STARTED, step)
        if again:  # a piece at the beginning takes back what an earlier attempt put out
            add_deltas(entry, run.id, [Delta(step.id, "output", 0, "")])
    return step


def end_step(*, hold: Hold, pending: Sequence[Delta], step: Step, ending: Ending) -> Step:
    """Record what came of an effect."""
    with holding(hold, "step.end", pending) as (entry, run):
        step = own_step(entry, Step.objects.get(id=step.id))
        step.code = ending.code
        step.result = {"content": ending.content, "data": dict(ending.data)}
        if step.started_at is not None:
            step.output = streamed_output(entry, step.id)
        close_step(entry, step, ending.status)
        Run.objects.filter(id=run.id, attempt__gt=0).update(attempt=0)
    return step


def doubt_step(*, hold: Hold, pending: Sequence[Delta], step: Step, message: str) -> Step:
    """An unsafe effect began and nobody knows its outcome: ask a person what to do."""
    with holding(hold, "step.doubt", pending, starting=True) as (entry, run):
        step = own_step(entry, Step.objects.get(id=step.id))
        step.status = StepStatus.UNKNOWN
        step.output = step.output or streamed_output(entry, step.id)
        step.save()
        entry.tell_step(EventType.STEP_UNKNOWN, step)
        decisions = ("happened", "run_again", "skip", "stop")
        shown = digest("recovery", step.tool, step.effective_arguments)
        put_question(entry, run, step, Asked(InteractionKind.RECOVERY, message, decisions, shown, expires=False))
    return step
