"""Sessions: whose they are, what goes on in them, what they cost; stop or delete them."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest, HttpResponse

from sessions_app.admin.base import NONE, HistoryAdmin, age, excerpt, link, money
from sessions_app.admin.confirming import confirmation_page, do_to_each, is_confirmed, staff
from sessions_app.admin.filters import SessionStateFilter, SessionWaitFilter
from sessions_app.admin.tables import list_address, messages_table, questions_table, runs_table
from sessions_app.models import Interaction, Run, Session
from sessions_app.services.runs import cancel_session
from sessions_app.services.sessions import delete_session
from sessions_app.types import LIVE, RunStatus, WaitReason

_CANCELLED = {"cancelled": "Stopped", "cancelling": "Being stopped", "none": "Nothing was on"}


@admin.register(Session)
class SessionAdmin(HistoryAdmin[Session]):
    """Sessions, the latest first."""

    list_display = ["title_shown", "owner", "agent", "state", "waits_for", "age", "quiet_for", "cost"]
    list_display_links = ["title_shown"]
    list_filter = [
        SessionStateFilter,
        SessionWaitFilter,
        ("agent", admin.RelatedOnlyFieldListFilter),
        ("owner", admin.RelatedOnlyFieldListFilter),
        "active_at",
    ]
    list_select_related = ["owner", "agent"]
    search_fields = ["title", "owner__username", "agent__name"]
    search_help_text = "Words of the title, an owner, an agent, or the whole id of a session."
    actions = ["cancel_sessions", "delete_sessions"]
    change_form_template = "admin/sessions_app/history_form.html"
    fieldsets = [
        (None, {"fields": ["title", ("owner", "agent"), ("state", "waits_for", "cost")]}),
        ("Record", {"fields": ["id", ("created_at", "active_at"), ("seq", "min_seq")], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Session]:
        """With the state of the run that is on, and the cost of all."""
        runs = Run.objects.filter(session=OuterRef("pk")).order_by()
        live = runs.filter(parent=None, status__in=[str(status) for status in LIVE])
        first = live.order_by(F("started_at").asc(nulls_last=True), "queued_at")
        costs = runs.values("session").annotate(sum=Sum("cost")).values("sum")
        return (
            super()
            .get_queryset(request)
            .annotate(
                live_status=Subquery(first.values("status")[:1]), live_wait=Subquery(first.values("wait_reason")[:1])
            )
            .annotate(total_cost=Subquery(costs))
        )

    @admin.display(description="title", ordering="title")
    def title_shown(self, session: Session) -> str:
        """Its name."""
        return excerpt(str(session))

    @admin.display(ordering="live_status")
    def state(self, session: Session) -> str:
        """What its run does."""
        status = getattr(session, "live_status", None)
        return str(RunStatus(status).label) if status else "Idle"

    @admin.display(description="waits for", ordering="live_wait")
    def waits_for(self, session: Session) -> str:
        """What its run waits for."""
        reason = getattr(session, "live_wait", None)
        return str(WaitReason(reason).label) if reason else NONE

    @admin.display(ordering="created_at")
    def age(self, session: Session) -> str:
        """Since it was made."""
        return age(session.created_at)

    @admin.display(description="quiet for", ordering="active_at")
    def quiet_for(self, session: Session) -> str:
        """Since something last happened in it."""
        return age(session.active_at)

    @admin.display(ordering="total_cost")
    def cost(self, session: Session) -> str:
        """What its model calls cost."""
        return money(getattr(session, "total_cost", None))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The session with its runs, questions and messages."""
        session = self.get_object(request, object_id)
        if session is None or not self.has_view_permission(request, session):
            return super().change_view(request, object_id, form_url, extra_context)
        runs = list_address(Run, session__id__exact=session.pk)
        questions = list_address(Interaction, session__id__exact=session.pk)
        tables = [
            runs_table("Runs", session.runs.all(), runs),
            questions_table(session.interactions.all(), questions),
            messages_table(session),
        ]
        offered = [("cancel_sessions", "Stop")] if getattr(session, "live_status", None) else []
        offered.append(("delete_sessions", "Delete"))
        context = {"tables": tables, "offered_actions": offered if self.has_operate_permission(request) else []}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @admin.action(description="Stop what is on in the selected sessions", permissions=["operate"])
    def cancel_sessions(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        """Stop their runs."""
        if not is_confirmed(request):
            sentence = "Everything that runs or waits in these sessions is stopped; what was said and done is kept."
            return self._confirm(request, queryset, "Stop sessions", sentence)
        user = staff(request)
        do_to_each(self, request, queryset, lambda row: _CANCELLED[cancel_session(session_id=row.pk, user=user)])
        return None

    @admin.action(description="Delete the selected sessions", permissions=["operate"])
    def delete_sessions(self, request: HttpRequest, queryset: QuerySet[Session]) -> HttpResponse | None:
        """Delete them with all that belongs to them."""
        if not is_confirmed(request):
            sentence = "These sessions are deleted with their messages, runs, journal and files. This cannot be undone."
            return self._confirm(request, queryset, "Delete sessions", sentence)

        def delete(session: Session) -> str:
            delete_session(session_id=session.pk, user=staff(request))
            return "Deleted"

        do_to_each(self, request, queryset, delete, deletes=True)
        return None

    def _confirm(self, request: HttpRequest, sessions: QuerySet[Session], title: str, sentence: str) -> HttpResponse:
        return confirmation_page(
            self,
            request,
            "admin/sessions_app/confirm.html",
            sessions,
            title=title,
            sentence=sentence,
            described=[(link(row, excerpt(str(row))), f"{row.owner}, {self.state(row)}") for row in sessions],
        )
