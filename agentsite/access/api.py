"""REST: one's own API tokens, and tickets for sockets."""

from uuid import UUID

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentsite.access.models import User
from agentsite.access.ratelimit import check_rate
from agentsite.access.selectors import tokens_of
from agentsite.access.serializers import (
    NewTokenSerializer,
    TicketSerializer,
    TokenCreateSerializer,
    TokenListSerializer,
    TokenSerializer,
)
from agentsite.access.services import TICKET_LIFE, create_socket_ticket, create_token, revoke_token


class TokenList(APIView):
    """One's own tokens."""

    @extend_schema(operation_id="tokens_list", responses=TokenListSerializer, summary="List one's tokens")
    def get(self, request: Request) -> Response:
        """The tokens that are not revoked, the newest first."""
        return Response({"results": TokenSerializer(tokens_of(_user(request)), many=True).data})

    @extend_schema(
        operation_id="tokens_create",
        request=TokenCreateSerializer,
        responses={201: NewTokenSerializer},
        summary="Make a token",
    )
    def post(self, request: Request) -> Response:
        """Make a token; its value is in this answer only."""
        user = _user(request)
        check_rate(f"tokens {user.pk}", 30, 60)
        fields = TokenCreateSerializer(data=request.data)
        fields.is_valid(raise_exception=True)
        token, value = create_token(user=user, **fields.validated_data)
        return Response({**TokenSerializer(token).data, "token": value}, status=201)


class TokenDetail(APIView):
    """One of one's own tokens."""

    @extend_schema(operation_id="tokens_revoke", request=None, responses={204: None}, summary="Revoke a token")
    def delete(self, request: Request, token_id: UUID) -> Response:
        """Revoke it now."""
        revoke_token(token=get_object_or_404(tokens_of(_user(request)), pk=token_id))
        return Response(status=204)


class TicketList(APIView):
    """Tickets: how a page of another origin opens a socket."""

    @extend_schema(
        operation_id="tickets_create",
        request=None,
        responses={201: TicketSerializer},
        summary="Make a ticket that opens one socket",
    )
    def post(self, request: Request) -> Response:
        """A ticket that opens one socket within 60 seconds, as `?ticket=`."""
        user = _user(request)
        check_rate(f"tickets {user.pk}", 120, 60)
        ticket = create_socket_ticket(user=user)
        return Response({"ticket": ticket, "expires_in_seconds": TICKET_LIFE.seconds}, status=201)


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user
