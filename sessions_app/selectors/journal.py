"""Reads of the journal: events after a cursor, and snapshots that agree with their seq."""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from agentsite.core.errors import NotFoundError
from agentsite.core.reading import consistent_read
from agentsite.core.text import utf16_slice
from sessions_app.fold import JournalEvent, State
from sessions_app.models import Event, Interaction, Message, Run, Session, Step
from sessions_app.representations import (
    Public,
    public_interaction,
    public_message,
    public_run,
    public_session,
    public_step,
)
from sessions_app.types import DELTAS, LIVE

PAGE = 100
_FIELDS = ("seq", "type", "run_id", "subject", "data", "created_at")


def events_after(session_id: UUID, after: int, limit: int) -> list[JournalEvent]:
    """At most `limit` events above `after`, in order."""
    rows = Event.objects.filter(session_id=session_id, seq__gt=after).order_by("seq").values_list(*_FIELDS)
    return [
        JournalEvent(seq, type_, run_id, subject, data, created_at.isoformat())
        for seq, type_, run_id, subject, data, created_at in rows[:limit]
    ]


def session_seqs(session_ids: Iterable[UUID]) -> dict[UUID, int]:
    """The last seq of each session that exists."""
    return dict(Session.objects.filter(id__in=list(session_ids)).values_list("id", "seq"))


def bounds(session_id: UUID) -> tuple[int, int]:
    """The seq below which events may be gone, and the last one.

    Raises NotFoundError.
    """
    row = Session.objects.filter(id=session_id).values_list("min_seq", "seq").first()
    if row is None:
        raise NotFoundError
    return row


def snapshot(session_id: UUID, *, messages: int | None = PAGE, before: int | None = None) -> State:
    """The session's state at one seq: its last `messages` messages and all that stands beside them.

    `before` pages back: only what stands before that position, without open questions and live runs. The extra key
    `before` is the position to page back from, None when nothing is older. Raises NotFoundError.
    """
    with consistent_read():
        session = Session.objects.select_related("agent").filter(id=session_id).first()
        if session is None:
            raise NotFoundError
        low = _lowest_position(session, messages, before)
        state = _rows(session, low, before)
        older = low > 0 and Message.objects.filter(session=session, position__lt=low).exists()
        state["before"] = low if older else None
        return state


def _lowest_position(session: Session, messages: int | None, before: int | None) -> int:
    if messages is None:
        return 0
    rows = Message.objects.filter(session=session).order_by("-position")
    if before is not None:
        rows = rows.filter(position__lt=before)
    positions = list(rows.values_list("position", flat=True)[:messages])
    return positions[-1] if len(positions) == messages else 0


def _rows(session: Session, low: int, before: int | None) -> State:
    window = Q(position__gte=low) if before is None else Q(position__gte=low, position__lt=before)
    live = Q() if before is not None else Q(status__in=LIVE)
    pending = Q() if before is not None else Q(status="pending")
    streaming = Q() if before is not None else Q(status__in=("streaming", "queued"))
    steps = Step.objects.filter(session=session, copied_from=None)
    started = Q() if before is not None else Q(status__in=("started", "waiting"))
    return {
        "seq": session.seq,
        "session": public_session(session),
        "messages": _messages(Message.objects.filter(window | streaming, session=session)),
        "runs": _keyed(public_run(run) for run in Run.objects.filter(window | live, session=session)),
        "steps": _steps(steps.filter(window | started)),
        "interactions": _keyed(
            public_interaction(row)
            for row in Interaction.objects.filter(window | pending, session=session).select_related("answered_by")
        ),
    }


def _keyed(rows: Iterable[Public]) -> dict[str, Public]:
    return {row["id"]: row for row in rows}


def _messages(rows: QuerySet[Message]) -> dict[str, Public]:
    public = _keyed(public_message(row) for row in rows)
    _add_deltas(public, [row["id"] for row in public.values() if row["status"] == "streaming"])
    return public


def _steps(rows: QuerySet[Step]) -> dict[str, Public]:
    public = _keyed(public_step(row) for row in rows)
    _add_deltas(public, [row["id"] for row in public.values() if row["status"] == "started"])
    return public


def _add_deltas(public: dict[str, Public], ids: list[str]) -> None:
    """Fold the deltas of what is still streaming into its row."""
    if not ids:
        return
    deltas = Event.objects.filter(subject__in=ids, type__in=[str(t) for t in DELTAS]).order_by("seq")
    for subject, data in deltas.values_list("subject", "data"):
        row = public[str(subject)]
        kind = data.get("kind", "output")
        row[kind] = utf16_slice(row[kind], 0, data["off"]) + data["text"]
