"""Views that fail in every way, beside the site's own paths."""

import asyncio
from collections.abc import AsyncIterator

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from rest_framework.exceptions import Throttled, ValidationError
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentsite.core.errors import ConflictError, RateLimitedError
from agentsite.urls import handler400, handler403, handler404, handler500
from agentsite.urls import urlpatterns as site

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

FAILURES = {
    "app": ConflictError("It was answered already.", details={"winner": 7}),
    "rate": RateLimitedError("Too many.", details={"retry_after": 9}),
    "missing": Http404("/secret/path"),
    "forbidden": PermissionDenied("because of the row 17"),
    "invalid": ValidationError({"name": ["Too long."]}),
    "throttled": Throttled(wait=4),
    "suspicious": SuspiciousOperation("SELECT 1"),
    "defect": RuntimeError("SELECT secret FROM passwords"),
}
gate = asyncio.Event()


def fail(request: HttpRequest, kind: str) -> HttpResponse:
    raise FAILURES[kind]


class Fail(APIView):
    permission_classes = [AllowAny]

    def get(self, request: Request, kind: str) -> Response:
        raise FAILURES[kind]

    def post(self, request: Request, kind: str) -> Response:
        return Response(request.data)


class Private(APIView):
    permission_classes = [IsAuthenticated]

    def get(self, request: Request) -> Response:
        return Response({"user": request.user.username})

    post = get


async def stream(request: HttpRequest) -> StreamingHttpResponse:
    async def parts() -> AsyncIterator[bytes]:
        yield b"first"
        await gate.wait()
        yield b"second"

    return StreamingHttpResponse(parts(), content_type="text/event-stream")


def address(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.META['REMOTE_ADDR']} {request.scheme}")


def nonce(request: HttpRequest) -> HttpResponse:
    from django.template import engines

    return HttpResponse(engines["django"].from_string("{{ csp_nonce }}").render({}, request))


urlpatterns = [
    *site,
    path("fail/<str:kind>", fail),
    path("api/fail/<str:kind>", Fail.as_view()),
    path("v1/fail/<str:kind>", Fail.as_view()),
    path("api/private", Private.as_view()),
    path("api/address", address),
    path("stream", stream),
    path("nonce", nonce),
]
