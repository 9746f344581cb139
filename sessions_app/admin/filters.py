"""Filters of the lists of sessions and runs."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from sessions_app.models import Run, Session
from sessions_app.types import LIVE, RunStatus, WaitReason

ON = [str(status) for status in LIVE if status != RunStatus.WAITING]


class LiveFilter(admin.SimpleListFilter):
    """Runs that are not at their end."""

    title = "progress"
    parameter_name = "ended"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """No or yes."""
        return [("no", "Not ended"), ("yes", "Ended")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        """Runs of the chosen kind."""
        if self.value() not in ("no", "yes"):
            return queryset
        return queryset.filter(ended_at__isnull=self.value() == "no")


class SessionStateFilter(admin.SimpleListFilter):
    """What goes on in a session."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Something runs, waits for a person, or nothing does."""
        return [("on", "Running or queued"), ("waiting", "Waiting"), ("idle", "Idle")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        """Sessions in the chosen state."""
        runs = Run.objects.filter(session=OuterRef("pk"))
        match self.value():
            case "on":
                return queryset.filter(Exists(runs.filter(status__in=ON)))
            case "waiting":
                return queryset.filter(Exists(runs.filter(status=RunStatus.WAITING)))
            case "idle":
                return queryset.exclude(Exists(runs.filter(status__in=[str(status) for status in LIVE])))
        return queryset


class SessionWaitFilter(admin.SimpleListFilter):
    """What a session's runs wait for."""

    title = "waits for"
    parameter_name = "wait"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The reasons."""
        return [(str(reason.value), str(reason.label)) for reason in WaitReason]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Session]) -> QuerySet[Session]:
        """Sessions of which a run waits for it."""
        if self.value() not in WaitReason.values:
            return queryset
        return queryset.filter(Exists(Run.objects.filter(session=OuterRef("pk"), wait_reason=self.value())))
