"""An agent's own questions and its child runs, on record."""

from collections.abc import Sequence
from typing import Any

from sessions_app import dispatch
from sessions_app.models import Run, Step
from sessions_app.services.holds import Delta, Hold, holding
from sessions_app.services.recording import Asked, Ending, close_step, new_step, put_question
from sessions_app.types import EventType, StepKind, StepStatus


def ask_question(*, hold: Hold, pending: Sequence[Delta], key: str, digest_: str, asked: Asked) -> Step:
    """Record an agent's own question and put it to a person."""
    with holding(hold, "step.ask", pending, starting=True) as (entry, run):
        step = new_step(entry, run, key, StepKind.QUESTION)
        step.digest, step.status = digest_, StepStatus.WAITING
        step.save(force_insert=True)
        entry.tell_step(EventType.STEP_WAITING, step)
        put_question(entry, run, step, asked)
    return step


def record_step(
    *, hold: Hold, pending: Sequence[Delta], key: str, kind: StepKind, digest_: str, ending: Ending
) -> Step:
    """Record an effect that ended before it began."""
    with holding(hold, "step.end", pending, starting=True) as (entry, run):
        step = new_step(entry, run, key, kind)
        step.digest, step.code = digest_, ending.code
        step.result = {"content": ending.content, "data": dict(ending.data)}
        close_step(entry, step, ending.status)
    return step


def delegate_step(
    *, hold: Hold, pending: Sequence[Delta], key: str, digest_: str, agent_id: Any, agent_name: str, prompt: str
) -> Step:
    """Record a delegation and queue its child run."""
    with holding(hold, "step.delegate", pending, starting=True) as (entry, run):
        child = Run(
            session_id=run.session_id,
            agent_id=agent_id,
            parent=run,
            prompt_text=prompt,
            interactive=run.interactive,
            door=run.door,
            depth=run.depth + 1,
            queued_at=entry.now,
        )
        child.save(force_insert=True)
        step = new_step(entry, run, key, StepKind.DELEGATE)
        step.digest, step.status, step.child = digest_, StepStatus.WAITING, child
        step.display = {"icon": "bot", "title": agent_name, "key_argument": prompt[:200], "sentence": ""}
        step.save(force_insert=True)
        entry.tell_step(EventType.STEP_WAITING, step)
        entry.tell_run(EventType.RUN_QUEUED, child)
        dispatch.runs_are_queued()
    return step
