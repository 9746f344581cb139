"""Reads of permissions: what the gate weighs, and what a session's page lists."""

from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from tools_app.gate import EVERY_TOOL, Rule
from tools_app.models import ToolPermission
from tools_app.types import Decision


def rules_for(*, tool: str, session_id: UUID) -> list[Rule]:
    """The rules in force for one tool in one session, in one query."""
    of_session = Q(layer=ToolPermission.Layer.SITE) | Q(layer=ToolPermission.Layer.SESSION, session_id=session_id)
    found = ToolPermission.objects.in_force(timezone.now()).filter(of_session, tool__in=(tool, EVERY_TOOL))
    return [
        Rule(
            id=permission.id,
            layer="site" if permission.layer == ToolPermission.Layer.SITE else "session",
            tool=permission.tool,
            action=Decision(permission.action),
            waivable=permission.waivable,
            note=permission.note,
        )
        for permission in found
    ]


def list_session_grants(session_id: UUID) -> QuerySet[ToolPermission]:
    """What people have allowed for this session and can take back, newest first."""
    return (
        ToolPermission.objects.in_force(timezone.now())
        .filter(layer=ToolPermission.Layer.SESSION, session_id=session_id, action=ToolPermission.Action.ALLOW)
        .order_by("-created_at")
    )
