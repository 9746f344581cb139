"""Steps: the recorded effects of runs, mostly read from a run's page."""

from django.contrib import admin
from django.utils.safestring import SafeString

from sessions_app.admin.base import HistoryAdmin, age, block, link, seconds_between
from sessions_app.models import Step


@admin.register(Step)
class StepAdmin(HistoryAdmin[Step]):
    """Steps of all runs, the newest first."""

    heavy_fields = ("result", "output", "arguments", "effective_arguments")
    id_fields = ("id", "run_id", "session_id")
    list_display = ["key", "kind", "tool", "status", "code", "owner", "age", "took"]
    list_filter = ["kind", "status", "effect", ("tool", admin.AllValuesFieldListFilter)]
    list_select_related = ["session__owner"]
    search_fields = ["tool", "code", "call_id"]
    search_help_text = "A tool, a code, or the whole id of a step, run or session."
    ordering = ["-planned_at"]
    fieldsets = [
        (None, {"fields": ["run_link", ("key", "kind", "tool", "status", "code")]}),
        ("Call", {"fields": ["arguments_shown", "effective_shown", "result_shown", "output_shown"]}),
        (
            "Times and tokens",
            {
                "fields": [
                    ("planned_at", "started_at", "ended_at"),
                    ("first_token_seconds", "timeout_seconds"),
                    ("prompt_tokens", "completion_tokens", "cost"),
                ]
            },
        ),
        (
            "Record",
            {
                "fields": ["id", "digest", "call_id", "effect", "started_owner", "started_fence", "copied_from"],
                "classes": ["collapse"],
            },
        ),
    ]

    @admin.display(ordering="session__owner__username")
    def owner(self, step: Step) -> str:
        """Whose session it is."""
        return step.session.owner.get_username()

    @admin.display(ordering="planned_at")
    def age(self, step: Step) -> str:
        """Since it was planned."""
        return age(step.planned_at)

    @admin.display(ordering="started_at")
    def took(self, step: Step) -> str:
        """From start to end."""
        return seconds_between(step.started_at, step.ended_at)

    @admin.display(description="run")
    def run_link(self, step: Step) -> SafeString:
        """The run's page."""
        return link(step.run)

    @admin.display(description="asked for")
    def arguments_shown(self, step: Step) -> SafeString:
        """The arguments as the model wrote them."""
        return block(step.arguments)

    @admin.display(description="ran with")
    def effective_shown(self, step: Step) -> SafeString:
        """The arguments as they ran."""
        return block(step.effective_arguments)

    @admin.display(description="result")
    def result_shown(self, step: Step) -> SafeString:
        """What was recorded."""
        return block(step.result)

    @admin.display(description="output")
    def output_shown(self, step: Step) -> SafeString:
        """What the tool wrote."""
        return block(step.output)
