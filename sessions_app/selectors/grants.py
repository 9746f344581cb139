"""Checked reads of what a person has allowed for their sessions."""

from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from agentsite.access.models import User
from agentsite.core.errors import NotFoundError
from sessions_app.models import Session
from tools_app.models import ToolPermission


def list_grants(user: User) -> QuerySet[ToolPermission]:
    """Tools that are allowed now in this user's sessions, the latest first."""
    sessions = Session.objects.filter(owner_id=user.pk).values("id")
    rows = ToolPermission.objects.in_force(timezone.now())
    return rows.filter(layer=ToolPermission.Layer.SESSION, session_id__in=sessions).order_by("-created_at")


def get_grant(user: User, permission_id: UUID) -> ToolPermission:
    """One of them.

    Raises NotFoundError.
    """
    grant = list_grants(user).filter(id=permission_id).first()
    if grant is None:
        raise NotFoundError
    return grant
