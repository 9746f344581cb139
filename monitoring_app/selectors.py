"""What needs a person: open questions, runs that failed, engines that are off."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from agents_app.models import Engine
from agentsite.core.clock import database_now
from sessions_app.models import Interaction, Run
from sessions_app.selectors.work import claimable_runs
from sessions_app.types import HELD, InteractionStatus, RunStatus

RECENT = timedelta(days=1)
STUCK = timedelta(minutes=1)
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Attention:
    """The first few of each kind, the most urgent first, and how many there are."""

    questions: list[Interaction]
    question_count: int
    failed_runs: list[Run]
    failed_run_count: int
    failed_since: str
    engines_off: list[Engine]
    is_engine_missing: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing needs a person."""
        return not (self.question_count or self.failed_run_count or self.engines_off or self.is_engine_missing)


def attention() -> Attention:
    """What an operator should look at first, from all sessions."""
    questions = open_questions()
    since = timezone.now() - RECENT
    failed = recently_failed_runs(since)
    return Attention(
        questions=list(questions[:SHOWN]),
        question_count=questions.count(),
        failed_runs=list(failed[:SHOWN]),
        failed_run_count=failed.count(),
        failed_since=since.isoformat(),
        engines_off=list(Engine.objects.filter(enabled=False).order_by("name")),
        is_engine_missing=not Engine.objects.filter(enabled=True, is_default=True).exists(),
    )


def open_questions() -> QuerySet[Interaction]:
    """Questions that wait for a person, the oldest first."""
    rows = Interaction.objects.filter(status=InteractionStatus.PENDING)
    return rows.select_related("session__owner").order_by("created_at")


def recently_failed_runs(since: datetime) -> QuerySet[Run]:
    """Runs of people that failed after `since` and were not taken up again, the latest first."""
    rows = Run.objects.filter(status=RunStatus.FAILED, ended_at__gte=since, parent=None, retries=None)
    return rows.select_related("session__owner", "agent").order_by("-ended_at")


def is_queue_stuck() -> bool:
    """Whether runs have waited for a minute while nobody executes any."""
    now = database_now()
    if Run.objects.filter(status__in=HELD, lease_expires_at__gte=now).exists():
        return False
    waiting = claimable_runs(now, SHOWN)
    return Run.objects.filter(id__in=waiting, queued_at__lt=now - STUCK).exists()
