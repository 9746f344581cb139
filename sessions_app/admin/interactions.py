"""Questions to people: see which wait, and answer them in the owner's place."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timeuntil

from sessions_app.admin.base import EXCERPT, NONE, HistoryAdmin, age, block, excerpt, link
from sessions_app.admin.confirming import confirmation_page, do_to_each, is_confirmed, staff
from sessions_app.models import Interaction
from sessions_app.services.interactions import answer_interaction
from sessions_app.types import InteractionStatus

# What needs nothing to be written but a reason; the owner's page has the editor and the form.
DECISIONS = {
    "approve": "Approve: it runs as shown",
    "reject": "Reject",
    "decline": "Decline",
    "happened": "It happened",
    "run_again": "Run it again",
    "skip": "Skip it",
    "stop": "Stop the run",
}
_DONE = {
    "approve": "Approved",
    "reject": "Rejected",
    "decline": "Declined",
    "happened": "Noted that it happened",
    "run_again": "Run again",
    "skip": "Skipped",
    "stop": "Stopped with the run",
}


@admin.register(Interaction)
class InteractionAdmin(HistoryAdmin[Interaction]):
    """Questions, the newest first."""

    heavy_fields = ("arguments", "schema", "display", "answer")
    id_fields = ("id", "session_id", "run_id", "step_id")
    list_display = [
        "question",
        "kind",
        "tool",
        "risk",
        "status",
        "owner",
        "agent",
        "age",
        "time_left",
        "decision",
        "by",
    ]
    list_filter = [
        "status",
        "kind",
        "risk",
        ("run__agent", admin.RelatedOnlyFieldListFilter),
        ("session__owner", admin.RelatedOnlyFieldListFilter),
        ("tool", admin.AllValuesFieldListFilter),
    ]
    list_select_related = ["session__owner", "run__agent", "answered_by"]
    search_fields = ["message", "tool", "session__title", "session__owner__username"]
    search_help_text = "Words of the question, a tool, an owner, or the whole id of a question, session, run or step."
    ordering = ["-created_at"]
    actions = ["answer_questions"]
    change_form_template = "admin/sessions_app/history_form.html"
    fieldsets = [
        (
            None,
            {"fields": ["message", ("status", "kind", "age", "time_left"), ("session_link", "run_link", "step_link")]},
        ),
        ("What is asked", {"fields": ["tool", "call", "schema_shown", ("risk", "risk_reason"), "allowed"]}),
        ("Answer", {"fields": [("decision", "by", "answered_at"), "answer_shown"]}),
        ("Record", {"fields": ["id", "digest", ("position", "created_at", "expires_at")], "classes": ["collapse"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Interaction]:
        """With the beginning of the question."""
        return super().get_queryset(request).annotate(start=Left("message", EXCERPT + 1))

    @admin.display(description="question")
    def question(self, interaction: Interaction) -> str:
        """How it begins."""
        return excerpt(getattr(interaction, "start", ""))

    @admin.display(ordering="session__owner__username")
    def owner(self, interaction: Interaction) -> str:
        """Who is asked."""
        return interaction.session.owner.get_username()

    @admin.display(ordering="run__agent__name")
    def agent(self, interaction: Interaction) -> str:
        """Who asks."""
        return str(interaction.run.agent or NONE)

    @admin.display(ordering="created_at")
    def age(self, interaction: Interaction) -> str:
        """Since it was asked."""
        return age(interaction.created_at)

    @admin.display(description="time left", ordering="expires_at")
    def time_left(self, interaction: Interaction) -> str:
        """Until it is denied for want of an answer."""
        if interaction.status != InteractionStatus.PENDING:
            return NONE
        return timeuntil(interaction.expires_at, timezone.now(), depth=1) if interaction.expires_at else "no limit"

    @admin.display(description="by", ordering="answered_by__username")
    def by(self, interaction: Interaction) -> str:
        """Who answered, or what closed it."""
        return interaction.answered_by.get_username() if interaction.answered_by else interaction.answered_via or NONE

    @admin.display(description="session")
    def session_link(self, interaction: Interaction) -> SafeString:
        """The session's page."""
        return link(interaction.session)

    @admin.display(description="run")
    def run_link(self, interaction: Interaction) -> SafeString:
        """The run's page."""
        return link(interaction.run)

    @admin.display(description="step")
    def step_link(self, interaction: Interaction) -> SafeString:
        """The step's page."""
        return link(interaction.step)

    @admin.display(description="arguments")
    def call(self, interaction: Interaction) -> SafeString:
        """The exact arguments."""
        return block(interaction.arguments)

    @admin.display(description="form")
    def schema_shown(self, interaction: Interaction) -> SafeString:
        """The form's fields."""
        return block(interaction.schema)

    @admin.display(description="can be answered with")
    def allowed(self, interaction: Interaction) -> str:
        """The decisions."""
        return ", ".join(interaction.allowed_decisions)

    @admin.display(description="answer")
    def answer_shown(self, interaction: Interaction) -> SafeString:
        """What was answered."""
        return block(interaction.answer)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The question, with a way to answer it while it is open."""
        interaction = self.get_object(request, object_id)
        is_open = interaction is not None and interaction.status == InteractionStatus.PENDING
        may = is_open and self.has_operate_permission(request)
        context = {"offered_actions": [("answer_questions", "Answer…")] if may else []}
        return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})

    @admin.action(description="Answer the selected questions…", permissions=["operate"])
    def answer_questions(self, request: HttpRequest, queryset: QuerySet[Interaction]) -> HttpResponse | None:
        """Show each open one with its exact call, and close those that were decided."""
        questions = queryset.defer(None)
        if not is_confirmed(request):
            questions = questions.filter(status=InteractionStatus.PENDING)
            if questions:
                return self._ask(request, questions)
            self.message_user(request, "None of these questions is open any more.", messages.WARNING)
            return None
        chosen = [row for row in questions if request.POST.get(f"decision-{row.pk}")]
        do_to_each(self, request, chosen, lambda row: self._answer(request, row))
        if not chosen:
            self.message_user(request, "Nothing was decided; the questions are still open.", messages.WARNING)
        return None

    def _ask(self, request: HttpRequest, questions: QuerySet[Interaction]) -> HttpResponse:
        described = [
            {
                "row": row,
                "message": excerpt(row.message, 1_000),
                "call": block(row.arguments),
                "form": block(row.schema),
                "agent": self.agent(row),
                "decisions": [(name, words) for name, words in DECISIONS.items() if name in row.allowed_decisions],
            }
            for row in questions
        ]
        title = "Answer questions"
        template = "admin/sessions_app/answer.html"
        return confirmation_page(self, request, template, questions, title=title, described=described)

    def _answer(self, request: HttpRequest, interaction: Interaction) -> str:
        decision = request.POST[f"decision-{interaction.pk}"]
        answer_interaction(
            interaction_id=interaction.pk,
            user=staff(request),
            decision=decision if decision in DECISIONS else "",
            reason=request.POST.get(f"reason-{interaction.pk}", ""),
        )
        return _DONE[decision]
