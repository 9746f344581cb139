"""Messages and events: what was said and what happened, to be read."""

from django.contrib import admin
from django.db.models import QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils.safestring import SafeString

from sessions_app.admin.base import EXCERPT, HistoryAdmin, age, block, excerpt, link
from sessions_app.models import Event, Message, Run


@admin.register(Message)
class MessageAdmin(HistoryAdmin[Message]):
    """Messages of all sessions, the newest first."""

    heavy_fields = ("text", "reasoning")
    id_fields = ("id", "session_id", "run_id")
    list_display = ["text_start", "role", "status", "author", "owner", "session_title", "age"]
    list_filter = ["role", "status", "reason", ("session__owner", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["session__owner"]
    search_fields = ["text", "author", "session__title", "session__owner__username"]
    search_help_text = "Words of the message or the title, a person, or the whole id of a message, session or run."
    ordering = ["-created_at"]
    fieldsets = [
        (None, {"fields": ["session_link", "run_link", "role", "author", "status", "reason"]}),
        ("What was said", {"fields": ["text_shown", "reasoning_shown"]}),
        ("Record", {"fields": ["id", "position", "created_at", "ended_at"]}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """With the beginning of the text."""
        return super().get_queryset(request).annotate(start=Left("text", EXCERPT + 1))

    @admin.display(description="text")
    def text_start(self, message: Message) -> str:
        """How it begins."""
        return excerpt(getattr(message, "start", ""))

    @admin.display(ordering="session__owner__username")
    def owner(self, message: Message) -> str:
        """Whose session it is."""
        return message.session.owner.get_username()

    @admin.display(description="session", ordering="session__title")
    def session_title(self, message: Message) -> str:
        """The session's name."""
        return excerpt(str(message.session), EXCERPT // 2)

    @admin.display(ordering="created_at")
    def age(self, message: Message) -> str:
        """Since it was written."""
        return age(message.created_at)

    @admin.display(description="session")
    def session_link(self, message: Message) -> SafeString:
        """The session's page."""
        return link(message.session)

    @admin.display(description="run")
    def run_link(self, message: Message) -> SafeString:
        """The run's page."""
        return link(message.run)

    @admin.display(description="text")
    def text_shown(self, message: Message) -> SafeString:
        """The text as it was written."""
        return block(message.text)

    @admin.display(description="reasoning")
    def reasoning_shown(self, message: Message) -> SafeString:
        """What the model thought."""
        return block(message.reasoning)


@admin.register(Event)
class EventAdmin(HistoryAdmin[Event]):
    """The journal of all sessions, the newest first."""

    heavy_fields = ("data",)
    id_fields = ("session_id", "run_id", "subject")
    list_display = ["seq", "type", "session_title", "owner", "run_id", "subject", "created_at"]
    list_filter = ["type"]
    list_select_related = ["session__owner"]
    search_fields = ["session__title", "session__owner__username"]
    search_help_text = "Words of a session's title, an owner, or the whole id of a session, a run or what it tells of."
    ordering = ["-id"]
    fields = ["session_link", "seq", "type", "run_link", "subject", "created_at", "data_shown"]

    @admin.display(description="session", ordering="session__title")
    def session_title(self, event: Event) -> str:
        """The session's name."""
        return excerpt(str(event.session), EXCERPT // 2)

    @admin.display(ordering="session__owner__username")
    def owner(self, event: Event) -> str:
        """Whose session it is."""
        return event.session.owner.get_username()

    @admin.display(description="session")
    def session_link(self, event: Event) -> SafeString:
        """The session's page."""
        return link(event.session)

    @admin.display(description="run")
    def run_link(self, event: Event) -> SafeString:
        """The run's page."""
        return link(Run.objects.filter(pk=event.run_id).first() if event.run_id else None)

    @admin.display(description="data")
    def data_shown(self, event: Event) -> SafeString:
        """The rows as they were then, or a piece of text."""
        return block(event.data)
