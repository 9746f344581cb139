"""Django REST framework's errors in the one envelope."""

from collections.abc import Iterable
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from agentsite.core.errors import AppError, ForbiddenError, InvalidError, NotFoundError, RateLimitedError, TooLargeError
from agentsite.core.http import error_body, error_headers


class NotSignedInError(AppError):
    """Nobody is signed in, or the token is not good."""

    code = "not_signed_in"
    status_code = 401


class OtherRequestError(AppError):
    """A request that this address does not serve: its method or its media type."""

    code = "unsupported_request"

    def __init__(self, message: str, status_code: int) -> None:
        super().__init__(message)
        self.status_code = status_code  # type: ignore[misc]


class LenientNegotiation(DefaultContentNegotiation):
    """An API that speaks JSON answers in JSON, also to who asked for something else."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        """The renderer that was asked for, else the first."""
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, renderers, format_suffix)
        except exceptions.NotAcceptable:
            first = next(iter(renderers))
            return first, first.media_type or ""
        return chosen


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """The response to an error of a view; None for a defect, which becomes Django's handler500."""
    error = app_error(exception)
    if error is None:
        return None
    headers = error_headers(error)
    challenge = getattr(exception, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    return Response(error_body(error, context["request"]), status=error.status_code, headers=headers)


def app_error(exception: Exception) -> AppError | None:
    """The error that a client sees for an exception; None when it must see nothing."""
    match exception:
        case AppError():
            return exception
        case Http404() | exceptions.NotFound():
            return NotFoundError()
        case PermissionDenied():
            return ForbiddenError("You may not do this.")
        case exceptions.APIException():
            return _api_error(exception)
    return None


def _api_error(exception: exceptions.APIException) -> AppError | None:
    match exception:
        case exceptions.NotAuthenticated():
            return NotSignedInError("Sign in, or send an API token: Authorization: Bearer …")
        case exceptions.AuthenticationFailed():
            return NotSignedInError(str(exception.detail))
        case exceptions.PermissionDenied():
            return ForbiddenError(str(exception.detail))
        case exceptions.ValidationError():
            return InvalidError("Some fields cannot be taken as they are.", details={"fields": exception.detail})
        case exceptions.ParseError():
            return InvalidError("The body is not valid JSON.")
        case exceptions.Throttled():
            wait = round(getattr(exception, "wait", None) or 1)
            return RateLimitedError("Too many requests. Wait a little.", details={"retry_after": wait})
    if exception.status_code == TooLargeError.status_code:
        return TooLargeError("That is over 1 MiB. Send less at once.")
    return OtherRequestError(str(exception.detail), exception.status_code) if exception.status_code < 500 else None
