"""What a person has allowed tools to do for the rest of a session."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.base import Public, View, user_of
from sessions_app.api.documented import PermissionRow, listing
from sessions_app.selectors.grants import get_grant, list_grants
from tools_app.models import ToolPermission
from tools_app.services import revoke_permission


def public_permission(permission: ToolPermission) -> Public:
    """A tool that was allowed for a session."""
    return {
        "id": str(permission.id),
        "session_id": str(permission.session_id),
        "tool": permission.tool,
        "action": permission.action,
        "interaction_id": str(permission.interaction_id) if permission.interaction_id else None,
        "created_at": permission.created_at.isoformat(),
        "expires_at": permission.expires_at.isoformat() if permission.expires_at else None,
    }


class PermissionsView(View):
    """`/api/permissions`."""

    @extend_schema(
        operation_id="permissions_list",
        summary="List the tools that you allowed for a session",
        responses={200: listing(PermissionRow)},
    )
    def get(self, request: Request) -> Response:
        """What "allow for this session" has allowed and is still in force."""
        return Response({"results": [public_permission(grant) for grant in list_grants(user_of(request))]})


class PermissionView(View):
    """`/api/permissions/<permission>`."""

    @extend_schema(operation_id="permissions_revoke", summary="Revoke what was allowed", responses={204: None})
    def delete(self, request: Request, permission_id: UUID) -> Response:
        """From the next call on the tool is asked about again."""
        grant = get_grant(user_of(request), permission_id)
        revoke_permission(permission_id=grant.id)
        return Response(status=204)
