"""Permission rules to work with, and the record of decisions to read."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import timezone

from agentsite.core.errors import AppError
from tools_app import registry
from tools_app.gate import EVERY_TOOL
from tools_app.models import ToolDecision, ToolPermission
from tools_app.services import revoke_permission

_HISTORY = ("origin", "interaction_id", "created_by_id", "created_at", "revoked_at")


def _username(id_field: str) -> Subquery:
    """The name behind a plain user id, without a query a row."""
    return Subquery(get_user_model().objects.filter(pk=OuterRef(id_field)).values("username")[:1])


class ToolPermissionForm(forms.ModelForm[ToolPermission]):
    """A rule, checked before the database's constraints speak."""

    tool = forms.ChoiceField(help_text="The rule holds for this tool.")

    class Meta:
        model = ToolPermission
        fields = ["tool", "action", "waivable", "layer", "session_id", "expires_at", "note"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = {tool.name: tool.name for tool in registry.list_tools()}
        if self.instance.tool:
            names.setdefault(self.instance.tool, f"{self.instance.tool} (not installed)")
        names.pop(EVERY_TOOL, None)
        field = self.fields["tool"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(EVERY_TOOL, "every tool"), *sorted(names.items())]

    def clean(self) -> dict[str, Any]:
        """A session rule names its session and no other does; only an ask can be waived."""
        data = super().clean() or {}
        if data.get("layer") == ToolPermission.Layer.SESSION and not data.get("session_id"):
            self.add_error("session_id", "Name the session that the rule is for.")
        if data.get("layer") == ToolPermission.Layer.SITE and data.get("session_id"):
            self.add_error("session_id", "A rule for the whole site names no session.")
        if data.get("waivable") and data.get("action") != ToolPermission.Action.ASK:
            self.add_error("waivable", 'Only an "ask" can be waived.')
        return data


class StateFilter(admin.SimpleListFilter):
    """Whether a rule holds now."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The three states."""
        return [("active", "Active"), ("expired", "Expired"), ("revoked", "Revoked")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ToolPermission]) -> QuerySet[ToolPermission]:
        """Rules in the chosen state."""
        now = timezone.now()
        chosen = {
            "active": Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=now)),
            "expired": Q(revoked_at=None, expires_at__lte=now),
            "revoked": Q(revoked_at__isnull=False),
        }
        return queryset.filter(chosen[value]) if (value := self.value()) in chosen else queryset


@admin.register(ToolPermission)
class ToolPermissionAdmin(admin.ModelAdmin[ToolPermission]):
    """Rules of the site and of sessions; one is taken back, not deleted, so that its decisions keep their reason."""

    form = ToolPermissionForm
    list_display = ["tool", "action", "layer", "state", "waivable", "created_by", "created_at", "expires_at", "note"]
    list_filter = [StateFilter, "layer", "action", "tool", "origin"]
    search_fields = ["tool", "note", "session_id"]
    date_hierarchy = "created_at"
    actions = ["revoke"]
    readonly_fields = _HISTORY
    fieldsets = [
        (None, {"fields": ["tool", "action", "waivable", "note"]}),
        ("Where and how long", {"fields": ["layer", "session_id", "expires_at"]}),
        ("History", {"fields": _HISTORY}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ToolPermission]:
        """With the name of who made it."""
        return super().get_queryset(request).annotate(created_by_name=_username("created_by_id"))

    @admin.display(description="created by", ordering="created_by_name")
    def created_by(self, permission: ToolPermission) -> str:
        """The name of who made it."""
        return getattr(permission, "created_by_name", None) or "—"

    @admin.action(description="Take back the selected permissions", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ToolPermission]) -> None:
        """Take back those that still hold."""
        done = 0
        for permission in queryset:
            try:
                revoke_permission(permission_id=permission.id)
                done += 1
            except AppError as error:
                self.message_user(request, f"{permission}: {error.message}", messages.WARNING)
        if done:
            self.message_user(request, f"Taken back: {done}.", messages.SUCCESS)

    def save_model(self, request: HttpRequest, obj: ToolPermission, form: Any, change: bool) -> None:
        """Note who made it."""
        if not change:
            obj.created_by_id = request.user.pk
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: ToolPermission | None = None) -> bool:
        """Nobody: a rule is taken back."""
        return False


class AskedFilter(admin.SimpleListFilter):
    """Whether a person decided."""

    title = "decided by a person"
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Yes or no."""
        return [("yes", "Yes"), ("no", "No")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ToolDecision]) -> QuerySet[ToolDecision]:
        """Decisions of the chosen kind."""
        if self.value() is None:
            return queryset
        return queryset.filter(decided_by_id__isnull=self.value() == "no")


@admin.register(ToolDecision)
class ToolDecisionAdmin(admin.ModelAdmin[ToolDecision]):
    """What was decided for each call; nobody can change it."""

    list_display = ["created_at", "tool", "decision", "source", "risk", "for_user", "decided_by", "reason"]
    list_filter = ["decision", "source", "risk", "tool", AskedFilter]
    search_fields = ["tool", "session_id", "run_id", "step_id"]
    date_hierarchy = "created_at"
    list_per_page = 50
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[ToolDecision]:
        """With the names of the people."""
        names = {"for_name": _username("user_id"), "decided_name": _username("decided_by_id")}
        return super().get_queryset(request).annotate(**names)

    @admin.display(description="for", ordering="for_name")
    def for_user(self, decision: ToolDecision) -> str:
        """For whom the call would run."""
        return getattr(decision, "for_name", None) or f"user {decision.user_id}"

    @admin.display(description="decided by", ordering="decided_name")
    def decided_by(self, decision: ToolDecision) -> str:
        """The person who answered; nobody for a rule or a default."""
        return getattr(decision, "decided_name", None) or "—"

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody: the gate adds them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ToolDecision | None = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ToolDecision | None = None) -> bool:
        """Nobody."""
        return False
