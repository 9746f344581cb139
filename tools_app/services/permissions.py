"""Writes of permissions: granting for a session, taking back, and forgetting a session."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from agentsite.core.errors import ConflictError, NotFoundError
from tools_app import faults
from tools_app.models import ToolPermission
from tools_app.workspaces import remove_workspace


def grant_for_session(
    *, session_id: UUID, tool: str, interaction_id: UUID, user_id: int, hours: float = 24
) -> ToolPermission:
    """A person's "allow for this session": answers asks for this tool until it expires. The same answer grants once."""
    with transaction.atomic():
        permission, _ = ToolPermission.objects.get_or_create(
            layer=ToolPermission.Layer.SESSION,
            session_id=session_id,
            tool=tool,
            action=ToolPermission.Action.ALLOW,
            interaction_id=interaction_id,
            defaults={
                "origin": "interaction",
                "created_by_id": user_id,
                "expires_at": timezone.now() + timedelta(hours=hours),
            },
        )
        faults.point("permission.grant.before")
    faults.point("permission.grant.after")
    return permission


def revoke_permission(*, permission_id: UUID, session_id: UUID | None = None) -> ToolPermission:
    """Take a permission back; with `session_id`, only one of that session.

    Raises NotFoundError for one that is not there, ConflictError for one that was taken back before.
    """
    with transaction.atomic():
        found = ToolPermission.objects.filter(id=permission_id)
        if session_id is not None:
            found = found.filter(layer=ToolPermission.Layer.SESSION, session_id=session_id)
        if not found.filter(revoked_at=None).update(revoked_at=timezone.now()):
            if found.exists():
                raise ConflictError("This permission was taken back before.")
            raise NotFoundError
        permission = found.get()
        faults.point("permission.revoke.before")
    faults.point("permission.revoke.after")
    return permission


def forget_session(*, session_id: UUID) -> None:
    """Delete the permissions of a deleted session and, once committed, its workspace. Decisions stay on record."""
    ToolPermission.objects.filter(session_id=session_id).delete()
    transaction.on_commit(lambda: remove_workspace(session_id))
