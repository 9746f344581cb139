"""What there is to do: queued runs, runs whose holder is gone, deadlines that have passed, old deltas."""

from collections import Counter
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from agentsite.core.rows import one_row
from sessions_app.models import Event, Interaction, Message, Run, Step
from sessions_app.types import DELTAS, HELD, LIVE, InteractionStatus, MessageStatus, RunStatus, StepStatus

LOOKAHEAD = 500
_KEPT_SECONDS = 60


def claimable_runs(now: datetime, room: int) -> list[UUID]:
    """At most `room` runs to claim: one a session, first those of the users with the fewest running, then the
    oldest."""
    if one_row(Run, only=("id",), status=RunStatus.QUEUED) is None:
        return []
    active = Run.objects.filter(
        session=OuterRef("session"), parent=None, started_at__isnull=False, ended_at__isnull=True
    ).exclude(id=OuterRef("id"))
    queued = (
        Run.objects.filter(Q(available_at=None) | Q(available_at__lte=now), status=RunStatus.QUEUED)
        .annotate(blocked=Exists(active))
        .filter(Q(parent__isnull=False) | Q(blocked=False))
        .order_by("queued_at", "id")
        .values_list("id", "session_id", "parent_id", "session__owner_id")
    )
    running = _running_by_user()
    chosen: list[tuple[int, int, UUID]] = []
    sessions: set[UUID] = set()
    for order, (run_id, session_id, parent_id, owner_id) in enumerate(queued[:LOOKAHEAD]):
        if parent_id is None and session_id in sessions:
            continue
        sessions.add(session_id)
        chosen.append((running[owner_id], order, run_id))
        running[owner_id] += 1
    return [run_id for _, _, run_id in sorted(chosen, key=lambda item: item[:2])[:room]]


def _running_by_user() -> Counter[int]:
    rows = Run.objects.filter(status__in=HELD).values("session__owner_id").annotate(count=Count("id"))
    return Counter({row["session__owner_id"]: row["count"] for row in rows})


def held_runs() -> list[tuple[UUID, str, datetime | None]]:
    """Every run that somebody holds: id, owner, end of its lease."""
    return list(Run.objects.filter(status__in=HELD).values_list("id", "lease_owner", "lease_expires_at"))


def expired_interactions(now: datetime) -> list[UUID]:
    """Open questions whose time is up."""
    rows = Interaction.objects.filter(status=InteractionStatus.PENDING, expires_at__lte=now)
    return list(rows.values_list("id", flat=True)[:LOOKAHEAD])


def runs_to_requeue(now: datetime) -> list[UUID]:
    """Waiting runs that wait for nothing any more: their time has come, or a wake-up was lost."""
    pending = Interaction.objects.filter(run=OuterRef("id"), status=InteractionStatus.PENDING)
    children = Run.objects.filter(parent=OuterRef("id"), status__in=LIVE)
    waiting = Run.objects.filter(Q(available_at=None) | Q(available_at__lte=now), status=RunStatus.WAITING)
    return list(waiting.exclude(Exists(pending)).exclude(Exists(children)).values_list("id", flat=True)[:LOOKAHEAD])


def compactable_subjects(now: datetime) -> list[UUID]:
    """Messages and steps that ended a minute ago and still have deltas."""
    before = now - timedelta(seconds=_KEPT_SECONDS)
    deltas = Event.objects.filter(type__in=[str(type_) for type_ in DELTAS], created_at__lt=before)
    found = deltas.exclude(subject=None).values_list("subject", flat=True).distinct()[:LOOKAHEAD]
    subjects = [subject for subject in found if subject is not None]
    messages = Message.objects.filter(id__in=subjects, ended_at__lt=before).exclude(status=MessageStatus.STREAMING)
    steps = Step.objects.filter(id__in=subjects, ended_at__lt=before).exclude(status=StepStatus.STARTED)
    return [*messages.values_list("id", flat=True), *steps.values_list("id", flat=True)]
