"""Model calls on record: written down before the request goes out, and when the answer is whole."""

from collections.abc import Sequence
from dataclasses import asdict

from agents_app.types import Reply
from agentsite.core.rows import insert_rows, one_row, save_row, update_row
from sessions_app.models import Message, Run, Step
from sessions_app.services.endings import streamed_text
from sessions_app.services.holds import Delta, Hold, holding
from sessions_app.services.journal import Entry
from sessions_app.services.recording import begin_step, close_step, new_step
from sessions_app.types import EventType, MessageRole, MessageStatus, StepKind, StepStatus


def start_model(*, hold: Hold, pending: Sequence[Delta], key: str, author: str) -> Step:
    """Record that a model is about to be asked; its message begins to stream."""
    with holding(hold, "step.start", pending, starting=True) as (entry, run):
        step = one_row(Step, run_id=run.id, key=key) or new_step(entry, run, key, StepKind.MODEL)
        message = Message(
            session_id=run.session_id,
            run=run,
            role=MessageRole.ASSISTANT,
            status=MessageStatus.STREAMING,
            author=author,
            position=entry.next_seq,
            created_at=entry.now,
        )
        insert_rows([message])
        entry.tell_message(EventType.MESSAGE_STARTED, message)
        step.message = message
        begin_step(entry, hold, step)
        save_row(step)
        entry.tell_step(EventType.STEP_STARTED, step)
    return step


def end_model(
    *, hold: Hold, pending: Sequence[Delta], step: Step, reply: Reply, thought_seconds: float | None = None
) -> Step:
    """Record a model's reply: its message is complete."""
    with holding(hold, "step.end", pending) as (entry, run):
        step = _with_message(step)
        step.result = asdict(reply)
        step.prompt_tokens, step.completion_tokens = reply.usage.prompt_tokens, reply.usage.completion_tokens
        step.cost, step.first_token_seconds = reply.cost, reply.first_token_seconds
        close_step(entry, step, StepStatus.SUCCEEDED)
        _add_usage(run, step)
        if step.message is not None:
            step.message.thought_seconds = thought_seconds
        _close_message(entry, step, MessageStatus.COMPLETED, reply.text, reply.reasoning, run)
    return step


def fail_model(*, hold: Hold, pending: Sequence[Delta], step: Step, code: str, sentence: str, retryable: bool) -> Step:
    """Record that a model call failed; what it had said is kept."""
    with holding(hold, "step.end", pending) as (entry, _run):
        step = _with_message(step)
        step.result = {"sentence": sentence, "retryable": retryable}
        step.code = code
        close_step(entry, step, StepStatus.FAILED)
        text, reasoning = streamed_text(entry, step.message_id) if step.message_id else ("", "")
        if step.message is not None:
            step.message.reason = code
        _close_message(entry, step, MessageStatus.INCOMPLETE, text, reasoning)
    return step


def _add_usage(run: Run, step: Step) -> None:
    run.attempt = 0
    run.prompt_tokens += step.prompt_tokens
    run.completion_tokens += step.completion_tokens
    run.cost += step.cost
    update_row(run, "attempt", "prompt_tokens", "completion_tokens", "cost")


def _with_message(step: Step) -> Step:
    found = one_row(Step, id=step.id)
    assert found is not None
    found.message = one_row(Message, id=found.message_id) if found.message_id else None
    return found


def _close_message(
    entry: Entry, step: Step, status: MessageStatus, text: str, reasoning: str, run: Run | None = None
) -> None:
    message = step.message
    if message is None:
        return
    message.text, message.reasoning, message.status, message.ended_at = text, reasoning, status, entry.now
    save_row(message)
    completed = status == MessageStatus.COMPLETED
    entry.tell_message(EventType.MESSAGE_COMPLETED if completed else EventType.MESSAGE_INCOMPLETE, message, run)
