"""Runs: what they do, what they wait for, how they ended; stop them or take them up again."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString

from sessions_app.admin.base import EXCERPT, HistoryAdmin, age, block, excerpt, link, money, seconds_between
from sessions_app.admin.confirming import confirmation_page, do_to_each, is_confirmed, staff
from sessions_app.admin.filters import LiveFilter
from sessions_app.admin.tables import events_table, list_address, questions_table, runs_table, steps_table
from sessions_app.models import Interaction, Run
from sessions_app.services.runs import cancel_run, retry_run
from sessions_app.types import InteractionStatus

_CANCELLED = {"cancelled": "Stopped", "cancelling": "Being stopped", "none": "Had ended before"}


@admin.register(Run)
class RunAdmin(HistoryAdmin[Run]):
    """Runs, the newest first."""

    heavy_fields = ("frozen", "text", "prompt_text")
    id_fields = ("id", "session_id", "parent_id")
    list_display = ["prompt_start", "status", "waits_for", "owner", "agent", "age", "took", "cost_shown", "code"]
    list_filter = [
        "status",
        LiveFilter,
        "wait_reason",
        ("agent", admin.RelatedOnlyFieldListFilter),
        ("session__owner", admin.RelatedOnlyFieldListFilter),
        "door",
    ]
    list_select_related = ["session__owner", "agent"]
    search_fields = ["session__title", "session__owner__username", "prompt_text", "code"]
    search_help_text = "Words of the prompt or the title, an owner, a code, or the whole id of a run or session."
    actions = ["cancel_runs", "retry_runs"]
    change_form_template = "admin/sessions_app/history_form.html"
    fieldsets = [
        (None, {"fields": [("session_link", "owner", "agent"), "prompt_text", "text"]}),
        ("State", {"fields": [("status", "wait_reason", "code", "cancelled_by"), "sentence", "actions_offered"]}),
        (
            "Times and tokens",
            {
                "fields": [
                    ("queued_at", "started_at", "ended_at"),
                    ("available_at", "cancel_requested_at"),
                    ("prompt_tokens", "completion_tokens", "cost"),
                ]
            },
        ),
        (
            "Origin and holder",
            {
                "fields": [
                    ("id", "door", "interactive", "strategy"),
                    ("parent_link", "retry_of_link", "depth"),
                    ("lease_owner", "lease_expires_at", "fence", "attempt"),
                ],
                "classes": ["collapse"],
            },
        ),
        ("Fixed at its first claim", {"fields": ["frozen_shown"], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """With the beginning of the prompt and the open question."""
        open_ = Interaction.objects.filter(run=OuterRef("pk"), status=InteractionStatus.PENDING).order_by("position")
        question = Subquery(open_.annotate(start=Left("message", EXCERPT + 1)).values("start")[:1])
        return super().get_queryset(request).annotate(start=Left("prompt_text", EXCERPT + 1), question=question)

    @admin.display(description="prompt")
    def prompt_start(self, run: Run) -> str:
        """How the prompt begins."""
        return excerpt(getattr(run, "start", ""))

    @admin.display(description="waits for", ordering="wait_reason")
    def waits_for(self, run: Run) -> str:
        """The reason, and the open question if there is one."""
        question = getattr(run, "question", None)
        reason = run.get_wait_reason_display()
        return f"{reason}: {excerpt(question)}" if question else reason

    @admin.display(ordering="session__owner__username")
    def owner(self, run: Run) -> str:
        """Whose session it is."""
        return run.session.owner.get_username()

    @admin.display(ordering="queued_at")
    def age(self, run: Run) -> str:
        """Since it was queued."""
        return age(run.queued_at)

    @admin.display(ordering="started_at")
    def took(self, run: Run) -> str:
        """From its first claim to its end."""
        return seconds_between(run.started_at, run.ended_at)

    @admin.display(description="cost", ordering="cost")
    def cost_shown(self, run: Run) -> str:
        """What its model calls cost."""
        return money(run.cost)

    @admin.display(description="session")
    def session_link(self, run: Run) -> SafeString:
        """The session's page."""
        return link(run.session)

    @admin.display(description="delegated by")
    def parent_link(self, run: Run) -> SafeString:
        """The run that delegated to this one."""
        return link(run.parent)

    @admin.display(description="takes up")
    def retry_of_link(self, run: Run) -> SafeString:
        """The run that this one takes up."""
        return link(run.retry_of)

    @admin.display(description="can be")
    def actions_offered(self, run: Run) -> str:
        """Retry or continue."""
        return ", ".join(run.actions) or "—"

    @admin.display(description="configuration")
    def frozen_shown(self, run: Run) -> SafeString:
        """What the run works with."""
        return block(run.frozen)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The run with all that belongs to it."""
        run = self.get_object(request, object_id)
        if run is None or not self.has_view_permission(request, run):
            return super().change_view(request, object_id, form_url, extra_context)
        children = Run.objects.filter(parent=run)
        questions = list_address(Interaction, run__id__exact=run.pk)
        tables = [steps_table(run), questions_table(run.interactions.all(), questions), events_table(run)]
        if children.exists():
            tables.append(runs_table("Delegated", children, list_address(Run, parent__id__exact=run.pk)))
        offered = []
        if self.has_operate_permission(request):
            offered += [("cancel_runs", "Stop")] if run.ended_at is None else []
            offered += [("retry_runs", "Retry")] if "retry" in run.actions else []
        return super().change_view(
            request, object_id, form_url, {"tables": tables, "offered_actions": offered, **(extra_context or {})}
        )

    @admin.action(description="Stop the selected runs", permissions=["operate"])
    def cancel_runs(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        """Stop them, and what they delegated."""
        if not is_confirmed(request):
            sentence = "These runs are stopped with everything they began; what they have said and done is kept."
            return _confirm(self, request, queryset, "Stop runs", sentence)
        do_to_each(self, request, queryset, lambda run: _CANCELLED[cancel_run(run_id=run.pk, user=staff(request))])
        return None

    @admin.action(description="Retry the selected failed runs", permissions=["operate"])
    def retry_runs(self, request: HttpRequest, queryset: QuerySet[Run]) -> HttpResponse | None:
        """Take them up where they failed."""
        if not is_confirmed(request):
            sentence = "Each run is taken up where it failed, by a new run; no tool that ran runs again."
            return _confirm(self, request, queryset, "Retry runs", sentence)

        def retry(run: Run) -> str:
            retry_run(run_id=run.pk)
            return "Queued again"

        do_to_each(self, request, queryset, retry)
        return None


def _confirm(
    model_admin: HistoryAdmin[Run], request: HttpRequest, runs: QuerySet[Run], title: str, sentence: str
) -> HttpResponse:
    return confirmation_page(
        model_admin,
        request,
        "admin/sessions_app/confirm.html",
        runs,
        title=title,
        sentence=sentence,
        described=[(link(run, excerpt(run.prompt_text)), run.get_status_display()) for run in runs],
    )
