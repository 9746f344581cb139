"""What the record of every kind of effect shares: steps are made, begun, ended, and put questions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from agentsite.core.ids import new_id
from agentsite.core.rows import save_row
from sessions_app.models import Interaction, Run, Step
from sessions_app.services.holds import Hold
from sessions_app.services.journal import Entry
from sessions_app.types import EventType, InteractionKind, StepKind, StepStatus

STEP_EVENTS = {
    StepStatus.PLANNED: EventType.STEP_PLANNED,
    StepStatus.WAITING: EventType.STEP_WAITING,
    StepStatus.STARTED: EventType.STEP_STARTED,
    StepStatus.SUCCEEDED: EventType.STEP_SUCCEEDED,
    StepStatus.FAILED: EventType.STEP_FAILED,
    StepStatus.DENIED: EventType.STEP_DENIED,
    StepStatus.CANCELLED: EventType.STEP_CANCELLED,
    StepStatus.UNKNOWN: EventType.STEP_UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What came of an effect: its state, what the model gets, what the page gets, the output it streamed."""

    status: StepStatus
    content: str
    code: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it is about to be put."""

    kind: InteractionKind
    message: str
    decisions: tuple[str, ...]
    digest: str
    schema: dict[str, Any] | None = None
    risk: str = ""
    risk_reason: str = ""
    grantable: bool = False
    expires: bool = True


def new_step(entry: Entry, run: Run, key: str, kind: StepKind) -> Step:
    return Step(
        id=new_id(),
        run=run,
        session_id=run.session_id,
        key=key,
        kind=kind,
        position=entry.next_seq,
        planned_at=entry.now,
    )


def begin_step(entry: Entry, hold: Hold, step: Step) -> None:
    step.status = StepStatus.STARTED
    step.started_at, step.started_fence, step.started_owner = entry.now, hold.fence, hold.owner


def close_step(entry: Entry, step: Step, status: StepStatus) -> None:
    step.status, step.ended_at = status, entry.now
    save_row(step)
    entry.tell_step(STEP_EVENTS[status], step)


def own_step(entry: Entry, step: Step) -> Step:
    """A step that a Retry brought along undecided is this run's own once something is done about it."""
    if step.copied_from_id is not None:
        step.copied_from = None
        step.position = entry.next_seq
    return step


def put_question(entry: Entry, run: Run, step: Step, asked: Asked) -> Interaction:
    interaction = Interaction(
        session_id=run.session_id,
        run=run,
        step=step,
        kind=asked.kind,
        message=asked.message,
        tool=step.tool,
        arguments=step.arguments,
        schema=asked.schema,
        display=step.display,
        digest=asked.digest,
        risk=asked.risk,
        risk_reason=asked.risk_reason,
        allowed_decisions=list(asked.decisions),
        grantable=asked.grantable,
        expires_at=_deadline(entry.now) if asked.expires else None,
        position=entry.next_seq,
        created_at=entry.now,
    )
    interaction.save(force_insert=True)
    entry.tell_interaction(EventType.INTERACTION_REQUESTED, interaction)
    return interaction


def _deadline(now: datetime) -> datetime | None:
    seconds = settings.AGENTSITE.confirm_seconds
    return now + timedelta(seconds=seconds) if seconds else None
