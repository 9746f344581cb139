"""How runs end, once: everything that is open in a run is settled in the transaction that ends it."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from agentsite.access.models import User
from agentsite.core.rows import all_rows, one_row, save_row
from agentsite.core.text import utf16_slice
from sessions_app import dispatch
from sessions_app.models import Event, Interaction, Message, Run, Secret, Step
from sessions_app.services.journal import Entry
from sessions_app.types import (
    HELD,
    LIVE,
    EventType,
    InteractionStatus,
    MessageStatus,
    RunStatus,
    StepKind,
    StepStatus,
    WaitReason,
)
from tools_app.types import Effect

STOPPED = "Stopped by the person."
_ENDINGS = {
    RunStatus.COMPLETED: EventType.RUN_COMPLETED,
    RunStatus.FAILED: EventType.RUN_FAILED,
    RunStatus.CANCELLED: EventType.RUN_CANCELLED,
}


def end_run(
    entry: Entry,
    run: Run,
    status: RunStatus,
    *,
    code: str = "",
    sentence: str = "",
    actions: tuple[str, ...] = (),
    text: str = "",
    never_began: frozenset[UUID] = frozenset(),
) -> None:
    """End `run` inside `entry`: settle what is open, tell it, wake its parent and the queue.

    The caller has checked the fence.     `never_began` are steps whose start was recorded but whose effect did not
    begin: there is no doubt about them.
    """
    settle_messages(entry, run.id, code or str(status))
    _settle_interactions(entry, run.id)
    _settle_steps(entry, run, never_began)
    for child in all_rows(Run, parent_id=run.id):
        if child.status in LIVE:
            cancel_run_rows(entry, child, run.cancelled_by)
    run.status = status
    run.wait_reason = ""
    run.code, run.sentence, run.text = code, sentence[:500], text
    run.actions = [] if run.parent_id else list(actions)
    run.lease_owner, run.lease_expires_at, run.available_at = "", None, None
    run.ended_at = entry.now
    run.position = entry.next_seq
    save_row(run)
    if one_row(Secret, only=("id",), run_id=run.id):
        Secret.objects.filter(run=run).delete()
    entry.tell_run(_ENDINGS[status], run)
    if run.parent_id:
        wake_run(entry, run.parent_id)
    dispatch.runs_are_queued()


def cancel_run_rows(entry: Entry, run: Run, user: User | None) -> bool:
    """Stop `run` inside `entry`.

    True when it has ended now, False when its holder has been asked to end it.
    """
    run.cancelled_by = user
    if run.status in HELD and run.lease_expires_at is not None and run.lease_expires_at > entry.now:
        _ask_holder(entry, run)
        return False
    if run.status == RunStatus.QUEUED:
        _withdraw_prompt(entry, run)
    run.fence += 1
    end_run(entry, run, RunStatus.CANCELLED, code="cancelled", sentence=STOPPED, actions=_after_stop(run))
    return True


def _after_stop(run: Run) -> tuple[str, ...]:
    return ("retry",) if run.parent_id is None and run.started_at else ()


def _ask_holder(entry: Entry, run: Run) -> None:
    if run.status != RunStatus.CANCELLING:
        run.status = RunStatus.CANCELLING
        run.cancel_requested_at = entry.now
        run.save(update_fields=["status", "cancel_requested_at", "cancelled_by"])
        entry.tell_run(EventType.RUN_CANCELLING, run)
    for child in Run.objects.filter(parent=run, status__in=LIVE):
        cancel_run_rows(entry, child, run.cancelled_by)
    dispatch.run_is_cancelled(run.id)


def wake_run(entry: Entry, run_id: UUID) -> None:
    """Queue a waiting run again when nothing it waits for is open any more; else say what it still waits for."""
    run = Run.objects.select_for_update().get(id=run_id)
    if run.status != RunStatus.WAITING:
        return
    reason = open_wait(run.id)
    if reason == run.wait_reason:
        return
    run.wait_reason = reason or ""
    if reason is None:
        run.status = RunStatus.QUEUED
        run.queued_at = entry.now
        dispatch.runs_are_queued()
    run.save(update_fields=["status", "wait_reason", "queued_at"])
    entry.tell_run(EventType.RUN_QUEUED if reason is None else EventType.RUN_WAITING, run)


def open_wait(run_id: UUID) -> WaitReason | None:
    """What a run waits for now: a person before a child; None when nothing is open."""
    kinds = set(
        Interaction.objects.filter(run_id=run_id, status=InteractionStatus.PENDING).values_list("kind", flat=True)
    )
    for reason in (WaitReason.RECOVERY, WaitReason.CONFIRMATION, WaitReason.INPUT):
        if str(reason) in kinds:
            return reason
    if Run.objects.filter(parent_id=run_id, status__in=LIVE).exists():
        return WaitReason.CHILD
    return None


def settle_messages(entry: Entry, run_id: UUID, reason: str, event: EventType = EventType.MESSAGE_INCOMPLETE) -> None:
    """Give every streaming message of a run its last text and say why it stopped there."""
    for message in all_rows(Message, run_id=run_id, status=MessageStatus.STREAMING):
        message.text, message.reasoning = streamed_text(entry, message.id)
        message.reason = reason[:40]
        superseded = event is EventType.MESSAGE_SUPERSEDED
        message.status = MessageStatus.SUPERSEDED if superseded else MessageStatus.INCOMPLETE
        message.ended_at = entry.now
        message.save()
        entry.tell_message(event, message)


def streamed_text(entry: Entry, subject: UUID) -> tuple[str, str]:
    """The text and the reasoning that the journal holds of a streaming message."""
    kinds = {"text": "", "reasoning": ""}
    for data in _deltas(entry, subject, EventType.MESSAGE_DELTA):
        kinds[data["kind"]] = utf16_slice(kinds[data["kind"]], 0, data["off"]) + data["text"]
    return kinds["text"], kinds["reasoning"]


def streamed_output(entry: Entry, subject: UUID) -> str:
    """The output that the journal holds of a running tool."""
    output = ""
    for data in _deltas(entry, subject, EventType.STEP_OUTPUT):
        output = utf16_slice(output, 0, data["off"]) + data["text"]
    return output


def _deltas(entry: Entry, subject: UUID, type_: EventType) -> Iterator[dict[str, Any]]:
    """What is stored, then what this transaction is about to store."""
    stored = Event.objects.filter(subject=subject, type=type_).order_by("seq")
    yield from stored.values_list("data", flat=True)
    yield from (event.data for event in entry.events if event.subject == subject and event.type == type_)


def _withdraw_prompt(entry: Entry, run: Run) -> None:
    message = run.prompt
    if message is None or message.status != MessageStatus.QUEUED:
        return
    message.status = MessageStatus.WITHDRAWN
    message.position = entry.next_seq
    message.save(update_fields=["status", "position"])
    entry.tell_message(EventType.MESSAGE_UPDATED, message)


def _settle_interactions(entry: Entry, run_id: UUID) -> None:
    for interaction in all_rows(Interaction, run_id=run_id, status=InteractionStatus.PENDING):
        interaction.status = InteractionStatus.CANCELLED
        interaction.answered_via = "cancel"
        interaction.answered_at = entry.now
        interaction.save()
        entry.tell_interaction(EventType.INTERACTION_RESOLVED, interaction)


def _settle_steps(entry: Entry, run: Run, never_began: frozenset[UUID]) -> None:
    unended = (StepStatus.PLANNED, StepStatus.WAITING, StepStatus.STARTED, StepStatus.UNKNOWN)
    for step in (step for status in unended for step in all_rows(Step, run_id=run.id, status=status)):
        if step.ended_at is not None:
            continue
        began = step.status == StepStatus.STARTED and step.id not in never_began
        doubtful = step.kind == StepKind.TOOL and step.effect == Effect.UNSAFE and began
        doubtful = doubtful or step.status == StepStatus.UNKNOWN
        step.status = StepStatus.UNKNOWN if doubtful else StepStatus.CANCELLED
        if step.kind == StepKind.TOOL and step.started_at:
            step.output = step.output or streamed_output(entry, step.id)
        step.result = {"content": "Outcome unknown: it may have taken effect." if doubtful else STOPPED, "data": {}}
        step.code = "outcome_unknown" if doubtful else "cancelled"
        step.ended_at = entry.now
        step.save()
        entry.tell_step(EventType.STEP_UNKNOWN if doubtful else EventType.STEP_CANCELLED, step)
