"""The choice between the system's theme, light and dark."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from agentsite.core.errors import InvalidError
from agentsite.core.theme import COOKIE, THEMES
from sessions_app.views.door import is_htmx, page

YEAR_SECONDS = 365 * 24 * 3600


@require_POST
@page
def choose(request: HttpRequest) -> HttpResponse:
    """Remember the choice in this browser; the system's needs no cookie."""
    chosen = request.POST.get("theme", "")
    if chosen not in (*THEMES, "system"):
        raise InvalidError("Choose system, light or dark.")
    response = HttpResponse(status=204) if is_htmx(request) else redirect(_back(request))
    if chosen == "system":
        response.delete_cookie(COOKIE)
    else:
        response.set_cookie(
            COOKIE, chosen, max_age=YEAR_SECONDS, httponly=True, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE
        )
    return response


def _back(request: HttpRequest) -> str:
    """The page on which it was chosen, as far as it is one of this site."""
    here = request.headers.get("Referer", "")
    is_own = url_has_allowed_host_and_scheme(here, {request.get_host()}, require_https=request.is_secure())
    return urlsplit(here).path if is_own else "/"
