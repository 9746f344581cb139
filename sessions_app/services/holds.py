"""Who may execute a run: claim, renew, park, release.

Every write of an executor carries the fence of its claim.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone
from pydantic import ValidationError

from agents_app import templates
from agents_app.models import Agent
from agentsite.core.clock import database_now
from agentsite.core.rows import all_rows, insert_rows, one_row, update_row
from agentsite.core.text import utf16_length
from sessions_app import dispatch
from sessions_app.models import Message, Run, Session
from sessions_app.services import journal
from sessions_app.services.endings import end_run, open_wait, settle_messages
from sessions_app.services.journal import Entry
from sessions_app.types import HELD, EventType, MessageRole, MessageStatus, RunStatus, WaitReason

LEASE_SECONDS = 30.0
MOST_ATTEMPTS = 5
_CLAIMED = ("status", "fence", "attempt", "lease_owner", "lease_expires_at", "available_at", "started_at")
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hold:
    """A claim on a run: valid while the row carries this fence."""

    run_id: UUID
    session_id: UUID
    fence: int
    owner: str


@dataclass(frozen=True, slots=True)
class Delta:
    """Streamed text to store: of a message (text, reasoning) or a step (output); `off` in UTF-16 code units."""

    subject: UUID
    kind: str
    off: int
    text: str


class LostHoldError(Exception):
    """Somebody else holds the run now, or it has ended: this attempt writes nothing more."""


class StopAskedError(Exception):
    """A stop was asked: nothing new may begin."""


@contextmanager
def holding(
    hold: Hold, commit: str, pending: Sequence[Delta] = (), *, starting: bool = False
) -> Iterator[tuple[Entry, Run]]:
    """A transaction of the run's holder, with its pending text first.

    Raises LostHoldError; when `starting` also StopAskedError, and then the text is stored all the same.
    """
    try:
        with journal.writing(hold.session_id, commit) as entry:
            run = one_row(Run, lock=True, id=hold.run_id, fence=hold.fence)
            if run is None or run.status not in HELD:
                raise LostHoldError
            add_deltas(entry, hold.run_id, pending)
            stop = starting and run.status == RunStatus.CANCELLING
            if not stop:
                yield entry, run
    except Session.DoesNotExist:
        raise LostHoldError from None
    if stop:
        raise StopAskedError


def add_deltas(entry: Entry, run_id: UUID, pending: Sequence[Delta]) -> None:
    """Add text to the journal."""
    for delta in pending:
        output = delta.kind == "output"
        data: dict[str, Any] = {"off": delta.off, "text": delta.text, "length": utf16_length(delta.text)}
        data |= {"step": str(delta.subject)} if output else {"message": str(delta.subject), "kind": delta.kind}
        type_ = EventType.STEP_OUTPUT if output else EventType.MESSAGE_DELTA
        entry.add(type_, run_id=run_id, subject=delta.subject, data=data)


def claim_run(*, run_id: UUID, owner: str, dead: bool = False) -> Hold | None:
    """Take a queued run, or one whose holder is `dead` or has let its lease expire; None when somebody else was
    faster.

    A stolen run's streaming messages are superseded; after 5 attempts without a step it fails as `crash_loop`; one
    that was being stopped ends here.
    """
    found = one_row(Run, only=("id", "session"), id=run_id)
    if found is None:
        return None
    try:
        with journal.writing(found.session_id, "run.claim") as entry:
            run = one_row(Run, lock=True, id=run_id)
            if run is None or not _claimable(run, dead):
                return None
            first, stolen = run.started_at is None, run.status in HELD
            return _begin(entry, run, first, stolen) if _take(run, owner, stolen) else None
    except Session.DoesNotExist:
        return None


def _claimable(run: Run, dead: bool) -> bool:
    now = database_now()
    if run.status in HELD:
        return dead or (run.lease_expires_at is not None and run.lease_expires_at < now)
    if run.status != RunStatus.QUEUED or (run.available_at is not None and run.available_at > now):
        return False
    active = all_rows(
        Run,
        only=("id",),
        session_id=run.session_id,
        parent__isnull=True,
        started_at__isnull=False,
        ended_at__isnull=True,
    )
    return run.parent_id is not None or all(other.id == run.id for other in active)


def _take(run: Run, owner: str, stolen: bool) -> bool:
    now = database_now()
    before = {"fence": run.fence, "status": run.status}
    run.status = run.status if run.status == RunStatus.CANCELLING else RunStatus.RUNNING
    run.fence += 1
    run.attempt += 1 if stolen else 0
    run.lease_owner, run.lease_expires_at = owner, now + timedelta(seconds=LEASE_SECONDS)
    run.available_at = None
    run.started_at = run.started_at or now
    return update_row(run, *_CLAIMED, **before) == 1


def _begin(entry: Entry, run: Run, first: bool, stolen: bool) -> Hold | None:
    run.agent = one_row(Agent, id=run.agent_id) if run.agent_id else None
    run.prompt = one_row(Message, id=run.prompt_id) if run.prompt_id else None
    if run.status == RunStatus.CANCELLING:
        end_run(
            entry, run, RunStatus.CANCELLED, code="cancelled", sentence="Stopped by the person.", actions=("retry",)
        )
        return None
    if run.attempt > MOST_ATTEMPTS:
        sentence = f"This run brought its worker down {MOST_ATTEMPTS} times in a row. What it had done is kept."
        end_run(entry, run, RunStatus.FAILED, code="crash_loop", sentence=sentence, actions=("retry",))
        return None
    if stolen:
        settle_messages(entry, run.id, "superseded", EventType.MESSAGE_SUPERSEDED)
    message = run.prompt if first and run.prompt and run.prompt.status == MessageStatus.QUEUED else None
    if message is not None:
        message.status = MessageStatus.COMPLETED
        message.position = entry.next_seq
        update_row(message, "status", "position")
    if run.frozen is None and not _freeze(entry, run, message):
        return None
    entry.tell_run(EventType.RUN_STARTED if first else EventType.RUN_RESUMED, run, message)
    return Hold(run.id, run.session_id, run.fence, run.lease_owner)


def _freeze(entry: Entry, run: Run, taken: Message | None) -> bool:
    """Fix what the run works with; it fails when its agent is gone. `taken` is a prompt that was just taken."""
    sentence = "The agent of this session is gone or switched off. Choose another one and send the message again."
    own_prompt = run.prompt if run.prompt is not None and run.prompt.text == run.prompt_text else None
    end = own_prompt.position if own_prompt else entry.next_seq
    try:
        if run.agent is not None and run.agent.enabled:
            frozen = templates.freeze(run.agent, now=entry.now)
            run.frozen = frozen | {"history_end": end, "origin": str(run.id)}
            update_row(run, "frozen")
            return True
    except (templates.TemplateMissingError, ValidationError):
        sentence = "This agent's program or configuration does not work. An operator can mend it in the admin."
        logger.exception("Agent %s cannot run", run.agent_id)
    if taken is not None:
        entry.tell_message(EventType.MESSAGE_UPDATED, taken)
    end_run(entry, run, RunStatus.FAILED, code="agent_missing", sentence=sentence, actions=("retry",))
    return False


def renew_holds(*, owner: str) -> int:
    """Renew the leases of all runs that `owner` holds; returns how many."""
    until = database_now() + timedelta(seconds=LEASE_SECONDS)
    return Run.objects.filter(lease_owner=owner, status__in=HELD).update(lease_expires_at=until)


def park_run(*, hold: Hold, pending: Sequence[Delta], until: datetime | None = None) -> RunStatus:
    """Let go of a run that waits for a person, a child or `until`; queued at once when nothing is open any more."""
    with holding(hold, "run.park", pending, starting=True) as (entry, run):
        reason = open_wait(run.id) or (WaitReason.RETRY if until else None)
        run.status = RunStatus.WAITING if reason else RunStatus.QUEUED
        run.wait_reason = reason or ""
        run.available_at = until if reason == WaitReason.RETRY else None
        _let_go(entry, run)
        entry.tell_run(EventType.RUN_WAITING if reason else EventType.RUN_QUEUED, run)
    return RunStatus(run.status)


def release_run(*, hold: Hold, pending: Sequence[Delta]) -> None:
    """Give a run back to the queue: this process is stopping."""
    with holding(hold, "run.release", pending, starting=True) as (entry, run):
        settle_messages(entry, run.id, "superseded", EventType.MESSAGE_SUPERSEDED)
        run.status = RunStatus.QUEUED
        _let_go(entry, run)
        entry.tell_run(EventType.RUN_QUEUED, run)


def _let_go(entry: Entry, run: Run) -> None:
    run.lease_owner, run.lease_expires_at = "", None
    update_row(run, "status", "wait_reason", "available_at", "lease_owner", "lease_expires_at")
    if run.status == RunStatus.QUEUED:
        dispatch.runs_are_queued()


def requeue_run(*, run_id: UUID) -> None:
    """Queue a run whose time to wait is over."""
    session_id = Run.objects.values_list("session_id", flat=True).get(id=run_id)
    with journal.writing(session_id, "run.release") as entry:
        run = Run.objects.select_for_update(of=("self",)).get(id=run_id)
        due = run.available_at is None or run.available_at <= timezone.now()
        if run.status != RunStatus.WAITING or not due or open_wait(run.id) is not None:
            return
        run.status, run.wait_reason, run.available_at = RunStatus.QUEUED, "", None
        _let_go(entry, run)
        entry.tell_run(EventType.RUN_QUEUED, run)


def finish_run(
    *,
    hold: Hold,
    pending: Sequence[Delta],
    status: RunStatus,
    code: str = "",
    sentence: str = "",
    actions: tuple[str, ...] = (),
    text: str = "",
    spoken: bool = True,
    never_began: frozenset[UUID] = frozenset(),
) -> None:
    """End a held run; one that was asked to stop meanwhile ends as cancelled.

    `spoken` says that a model has streamed `text` already; otherwise it becomes a message of its own.

    Raises LostHoldError.
    """
    with holding(hold, "run.end", pending) as (entry, run):
        if run.status == RunStatus.CANCELLING:
            status, code, sentence, text = RunStatus.CANCELLED, "cancelled", "Stopped by the person.", ""
            actions = ("retry",) if run.parent_id is None else ()
        if text and not spoken:
            _say(entry, run, text)
        end_run(entry, run, status, code=code, sentence=sentence, actions=actions, text=text, never_began=never_began)


def _say(entry: Entry, run: Run, text: str) -> None:
    message = Message(
        session_id=run.session_id,
        run=run,
        role=MessageRole.ASSISTANT,
        status=MessageStatus.COMPLETED,
        text=text,
        author=(run.frozen or {}).get("agent_name", ""),
        position=entry.next_seq,
        created_at=entry.now,
        ended_at=entry.now,
    )
    insert_rows([message])
    entry.tell_message(EventType.MESSAGE_CREATED, message)
