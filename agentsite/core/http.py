"""Errors as responses: one envelope for programs, one plain page for people. No exception's text reaches either."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from agentsite.core.errors import AppError, ForbiddenError, InvalidError, NotFoundError

REQUEST_ID = "agentsite.request_id"
NONCE = "agentsite.csp_nonce"


class InternalError(AppError):
    """Something failed inside; the log has the reason under the request's id."""

    code = "internal"
    status_code = 500

    def __init__(self) -> None:
        super().__init__(
            "Something went wrong on our side. Try again; if it stays, name the request id to the operator."
        )


def request_id(request: HttpRequest) -> str:
    """The id of the request, empty before the middleware gave it one."""
    return str(request.META.get(REQUEST_ID, ""))


def error_body(error: AppError, request: HttpRequest) -> dict[str, Any]:
    """The envelope; under /v1 in the shape that OpenAI's clients read."""
    if request.path.startswith("/v1/"):
        kind = "server_error" if error.status_code >= 500 else "invalid_request_error"
        return {"error": {"message": error.message, "type": kind, "param": None, "code": error.code}}
    fields = {"code": error.code, "message": error.message, "details": error.details, "request_id": request_id(request)}
    return {"error": fields}


def error_headers(error: AppError) -> dict[str, str]:
    """Headers that belong to an error."""
    return {"Retry-After": str(error.details["retry_after"])} if "retry_after" in error.details else {}


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller is a program: by path, or by what it accepts."""
    return request.path.startswith(("/api/", "/v1/")) or "application/json" in request.headers.get("Accept", "")


def error_response(error: AppError, request: HttpRequest) -> HttpResponse:
    """The error as JSON, as a fragment for the page's place for problems, or as a page."""
    headers = error_headers(error)
    if wants_json(request):
        return JsonResponse(error_body(error, request), status=error.status_code, headers=headers)
    context = {"error": error, "request_id": request_id(request)}
    template = "errors/error.html"
    if request.headers.get("HX-Request") == "true":
        template = "errors/fragment.html"
        headers |= {"HX-Retarget": "#problems", "HX-Reswap": "innerHTML"}
    return HttpResponse(render_to_string(template, context), status=error.status_code, headers=headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return error_response(InvalidError("The request cannot be read. Check it and send it again."), request)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    return error_response(ForbiddenError("You may not do this."), request)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    return error_response(NotFoundError(), request)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500."""
    return error_response(InternalError(), request)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form that was sent without this site's own token."""
    message = "The page was open for too long, or the form came from elsewhere. Reload the page and try again."
    return error_response(ForbiddenError(message), request)
