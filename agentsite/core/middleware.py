"""What happens to every request: its id, the security headers, CORS, static files and the limit of its body.

All of it runs in the request's thread, and none of it reads a response's body, so that streams stay streams.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from whitenoise.middleware import WhiteNoiseMiddleware

from agentsite.core.errors import TooLargeError
from agentsite.core.http import NONCE, REQUEST_ID, error_response
from agentsite.core.logs import bind_request_id

API_PATHS = ("/api/", "/v1/")
ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()" for feature in ("camera", "geolocation", "microphone", "payment", "usb", "browsing-topics")
)


class Middleware:
    """`before` may answer in the view's place, `after` completes the response; both are quick and do no I/O."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.after(request, self.before(request) or self.get_response(request))

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        """Prepare the request, or answer it."""
        return None

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Complete the response."""
        return response


class RequestIdMiddleware(Middleware):
    """An id for each request, in logs, errors and the response; the client's own when it has a harmless form."""

    def before(self, request: HttpRequest) -> None:
        given = request.headers.get("X-Request-Id", "")
        request.META[REQUEST_ID] = given if ACCEPTABLE_ID.fullmatch(given) else secrets.token_hex(16)
        bind_request_id(request.META[REQUEST_ID])

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response["X-Request-Id"] = request.META[REQUEST_ID]
        return response


class SecurityHeadersMiddleware(Middleware):
    """The content security policy, with a nonce for each request, and the permissions policy."""

    def before(self, request: HttpRequest) -> None:
        request.META[NONCE] = secrets.token_urlsafe(16)

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response.setdefault("Content-Security-Policy", content_security_policy(request.META[NONCE]))
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


def content_security_policy(nonce: str) -> str:
    """Nothing but what the site itself serves; scripts in a page need the nonce, styles in a page are refused."""
    rules = {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce}'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in rules.items())


def csp_nonce(request: HttpRequest) -> dict[str, str]:
    """Template context: `{{ csp_nonce }}` for a script that stands in a page."""
    return {"csp_nonce": request.META.get(NONCE, "")}


class CorsMiddleware(Middleware):
    """Let the pages of named origins call the API with a bearer token; cookies are never shared with them."""

    def before(self, request: HttpRequest) -> HttpResponse | None:
        preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
        return HttpResponse(status=204) if preflight and self._is_allowed(request) else None

    def after(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not settings.AGENTSITE.cors_origins or not request.path.startswith(API_PATHS):
            return response
        patch_vary_headers(response, ["Origin"])
        if self._is_allowed(request):
            response["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
            response["Access-Control-Allow-Headers"] = (
                "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id"
            )
            response["Access-Control-Expose-Headers"] = "X-Request-Id, Retry-After"
            response["Access-Control-Max-Age"] = "600"
            response["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    @staticmethod
    def _is_allowed(request: HttpRequest) -> bool:
        named = request.headers.get("Origin", "").lower() in settings.AGENTSITE.cors_origins
        return named and request.path.startswith(API_PATHS)


class BodyLimitMiddleware(Middleware):
    """Refuse a body over the limit. `asgi_layers.BodyLimit` has measured bodies of unknown length already."""

    def before(self, request: HttpRequest) -> HttpResponseBase | None:
        declared = request.META.get("CONTENT_LENGTH") or "0"
        marked = getattr(request, "scope", {}).get("agentsite.too_large", False)
        if marked or not declared.isdigit() or int(declared) > settings.BODY_LIMIT_BYTES:
            return error_response(TooLargeError("That is over 1 MiB. Send less at once."), request)
        return None


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]
    """WhiteNoise, with files read whole: they are small, and under ASGI Django cannot stream from a plain file."""

    sync_capable = True
    async_capable = False

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_static = request.path_info.startswith(self.static_prefix)
        found = self._find(request) if is_static else None
        return found or cast(HttpResponseBase, self.get_response(request))

    def _find(self, request: HttpRequest) -> HttpResponse | None:
        path = request.path_info
        static_file = self.find_file(path) if self.autorefresh else self.files.get(path)
        return self._read(static_file, request) if static_file is not None else None

    @staticmethod
    def _read(static_file: Any, request: HttpRequest) -> HttpResponse:
        found = static_file.get_response(request.method, request.META)
        response = HttpResponse(status=int(found.status))
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        if found.file is not None:
            with found.file as file:
                response.content = file.read()
        return response


class OneThreadMiddleware(Middleware):
    """The innermost. Because it is synchronous, Django runs the whole chain in one thread for each request.

    Otherwise Django's own middleware would hop from the loop to a thread and back some sixteen times, and each hop
    waits for the loop: measured, a request took 1 ms more CPU. Streams are read by the server afterwards, in the loop.
    """
