"""Users and their API tokens in the admin."""

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from agentsite.access.models import ApiToken, User
from agentsite.access.services import revoke_token


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User]):
    """People and integrations."""

    list_display = ["username", "email", "is_active", "is_staff", "last_login"]
    list_filter = ["is_active", "is_staff", "groups"]


@admin.register(ApiToken)
class ApiTokenAdmin(admin.ModelAdmin[ApiToken]):
    """Tokens are made by their users and can only be revoked here: a value is never seen twice."""

    list_display = ["prefix", "name", "user", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = ["created_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    date_hierarchy = "created_at"
    actions = ["revoke"]

    @admin.action(description="Revoke the selected tokens", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        """End them now."""
        for token in queryset:
            revoke_token(token=token)
        self.message_user(request, f"Revoked: {len(queryset)}.")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody makes a token for somebody else."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ApiToken | None = None) -> bool:
        """Read-only."""
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Who could change a token, if that were a thing to do."""
        return request.user.has_perm("access.change_apitoken")
