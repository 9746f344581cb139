"""Model calls on record: written down before the request goes out, and when the answer is whole."""

from collections.abc import Sequence
from dataclasses import asdict

from django.db.models import F

from agents_app.types import Reply
from sessions_app.models import Message, Run, Step
from sessions_app.services.endings import streamed_text
from sessions_app.services.holds import Delta, Hold, holding
from sessions_app.services.journal import Entry
from sessions_app.services.recording import begin_step, close_step, new_step
from sessions_app.types import EventType, MessageRole, MessageStatus, StepKind, StepStatus


def start_model(*, hold: Hold, pending: Sequence[Delta], key: str, author: str) -> Step:
    """Record that a model is about to be asked; its message begins to stream."""
    with holding(hold, "step.start", pending, starting=True) as (entry, run):
        step = Step.objects.filter(run=run, key=key).first() or new_step(entry, run, key, StepKind.MODEL)
        message = Message(
            session_id=run.session_id,
            run=run,
            role=MessageRole.ASSISTANT,
            status=MessageStatus.STREAMING,
            author=author,
            position=entry.next_seq,
            created_at=entry.now,
        )
        message.save(force_insert=True)
        entry.tell_message(EventType.MESSAGE_STARTED, message)
        step.message = message
        begin_step(entry, hold, step)
        step.save()
        entry.tell_step(EventType.STEP_STARTED, step)
    return step


def end_model(*, hold: Hold, pending: Sequence[Delta], step: Step, reply: Reply) -> Step:
    """Record a model's reply: its message is complete."""
    with holding(hold, "step.end", pending) as (entry, run):
        step = Step.objects.select_related("message").get(id=step.id)
        step.result = asdict(reply)
        step.prompt_tokens, step.completion_tokens = reply.usage.prompt_tokens, reply.usage.completion_tokens
        step.cost, step.first_token_seconds = reply.cost, reply.first_token_seconds
        close_step(entry, step, StepStatus.SUCCEEDED)
        _close_message(entry, step, MessageStatus.COMPLETED, reply.text, reply.reasoning)
        Run.objects.filter(id=run.id).update(
            attempt=0,
            prompt_tokens=F("prompt_tokens") + step.prompt_tokens,
            completion_tokens=F("completion_tokens") + step.completion_tokens,
            cost=F("cost") + step.cost,
        )
    return step


def fail_model(*, hold: Hold, pending: Sequence[Delta], step: Step, code: str, sentence: str, retryable: bool) -> Step:
    """Record that a model call failed; what it had said is kept."""
    with holding(hold, "step.end", pending) as (entry, _run):
        step = Step.objects.select_related("message").get(id=step.id)
        step.result = {"sentence": sentence, "retryable": retryable}
        step.code = code
        close_step(entry, step, StepStatus.FAILED)
        text, reasoning = streamed_text(entry, step.message_id) if step.message_id else ("", "")
        if step.message is not None:
            step.message.reason = code
        _close_message(entry, step, MessageStatus.INCOMPLETE, text, reasoning)
    return step


def _close_message(entry: Entry, step: Step, status: MessageStatus, text: str, reasoning: str) -> None:
    message = step.message
    if message is None:
        return
    message.text, message.reasoning, message.status, message.ended_at = text, reasoning, status, entry.now
    message.save()
    completed = status == MessageStatus.COMPLETED
    entry.tell_message(EventType.MESSAGE_COMPLETED if completed else EventType.MESSAGE_INCOMPLETE, message)
