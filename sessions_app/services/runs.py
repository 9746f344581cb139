"""Stop, retry and continue."""

from typing import Any
from uuid import UUID

from django.db.models import Q

from agentsite.access.models import User
from agentsite.core.errors import ConflictError
from agentsite.core.ids import new_id
from sessions_app import dispatch
from sessions_app.models import Run, Step
from sessions_app.services import journal
from sessions_app.services.endings import cancel_run_rows
from sessions_app.services.journal import Entry
from sessions_app.types import ENDED, LIVE, EventType, RunStatus, StepKind, StepStatus

_LIMITS = {
    "limit_steps": "steps",
    "limit_tool_calls": "tool_calls",
    "limit_tokens": "tokens",
    "limit_seconds": "seconds",
    "limit_cost": "cost",
    "answer_cut": "answer_parts",
}
REPLAY_MISMATCH = "replay_mismatch"
GO_ON = "Go on from where you stopped."
_KEPT = (StepStatus.SUCCEEDED, StepStatus.DENIED, StepStatus.UNKNOWN)


def cancel_run(*, run_id: UUID, user: User | None) -> str:
    """Stop a run: "cancelled" when it ends now, "cancelling" when its holder is asked to, "none" when it had ended."""
    session_id = Run.objects.values_list("session_id", flat=True).get(id=run_id)
    with journal.writing(session_id, "run.cancel") as entry:
        run = Run.objects.select_for_update(of=("self",)).select_related("prompt").get(id=run_id)
        if run.status in ENDED:
            return "none"
        return "cancelled" if cancel_run_rows(entry, run, user) else "cancelling"


def cancel_session(*, session_id: UUID, user: User | None) -> str:
    """Stop all that is on or waits in a session; what was not begun is kept, withdrawn.

    Answers as `cancel_run` does.
    """
    with journal.writing(session_id, "run.cancel") as entry:
        runs = Run.objects.select_for_update(of=("self",)).select_related("prompt")
        live = list(runs.filter(session_id=session_id, parent=None, status__in=LIVE).order_by("id"))
        ended = [cancel_run_rows(entry, run, user) for run in live]
    if not ended:
        return "none"
    return "cancelled" if all(ended) else "cancelling"


def retry_run(*, run_id: UUID) -> Run:
    """Take up an ended run where it failed: its record is replayed, no tool runs twice.

    Raises ConflictError.
    """
    return _take_up(run_id, "retry", {})


def continue_run(*, run_id: UUID) -> Run:
    """Go on after a limit, with that limit doubled, or from the conversation when the agent's program has changed.

    Raises ConflictError.
    """
    return _take_up(run_id, "continue", _LIMITS)


def _take_up(run_id: UUID, action: str, limits: dict[str, str]) -> Run:
    session_id = Run.objects.values_list("session_id", flat=True).get(id=run_id)
    with journal.writing(session_id, "run.retry") as entry:
        old = Run.objects.select_for_update(of=("self",)).get(id=run_id)
        if old.status not in (RunStatus.FAILED, RunStatus.CANCELLED) or action not in old.actions:
            raise ConflictError(f"This run cannot {action}.")
        if Run.objects.filter(Q(status__in=LIVE) | Q(started_at__isnull=False), retry_of=old).exists():
            raise ConflictError("This run has been taken up already.")
        run = _successor(entry, old, _raised(old.frozen, limits.get(old.code)))
        if old.code == REPLAY_MISMATCH:
            _start_afresh(run)
        else:
            _copy_steps(old, run)
        entry.tell_run(EventType.RUN_QUEUED, run)
        dispatch.runs_are_queued()
    return run


def _successor(entry: Entry, old: Run, frozen: dict[str, Any] | None) -> Run:
    return Run.objects.create(
        session_id=old.session_id,
        agent_id=old.agent_id,
        retry_of=old,
        prompt_id=old.prompt_id,
        prompt_text=old.prompt_text,
        strategy=old.strategy,
        door=old.door,
        interactive=old.interactive,
        frozen=frozen,
        queued_at=entry.now,
    )


def _start_afresh(run: Run) -> None:
    """What the old run did is in the history; its record does not fit the new program."""
    run.frozen = None
    run.prompt_text = GO_ON
    run.save(update_fields=["frozen", "prompt_text"])


def _raised(frozen: dict[str, Any] | None, limit: str | None) -> dict[str, Any] | None:
    if frozen is None or limit is None:
        return frozen
    return {**frozen, "limits": {**frozen["limits"], limit: frozen["limits"][limit] * 2}}


def _copy_steps(old: Run, run: Run) -> None:
    """Bring the recorded effects along: whatever has an outcome, and what may have had one."""
    for step in Step.objects.filter(run=old).order_by("position"):
        failed_tool = step.status == StepStatus.FAILED and step.kind != StepKind.MODEL
        if step.status not in _KEPT and not failed_tool:
            continue
        step.copied_from_id = step.copied_from_id or step.id
        step.id = new_id()
        step.run = run
        step._state.adding = True
        step.save(force_insert=True)
