"""The door of every page: who may enter, and how a refusal is shown where the person is."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode, urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url

from agentsite.access.models import User
from agentsite.core.errors import AppError
from agentsite.core.http import error_response

_P = ParamSpec("_P")
View = Callable[Concatenate[HttpRequest, _P], HttpResponse]


def page(view: View[_P]) -> View[_P]:
    """For people who are signed in; a refusal is said in the page's place for problems, or on a page of its own."""

    @wraps(view)
    def wrapped(request: HttpRequest, *args: _P.args, **kwargs: _P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return _to_sign_in(request)
        try:
            return view(request, *args, **kwargs)
        except AppError as error:
            return error_response(error, request)

    return cast("View[_P]", wrapped)


def user_of(request: HttpRequest) -> User:
    """The person behind a request that came through `page`."""
    assert isinstance(request.user, User)
    return request.user


def is_htmx(request: HttpRequest) -> bool:
    """Whether a fragment is wanted rather than a page."""
    return request.headers.get("HX-Request") == "true"


def back_to(request: HttpRequest, name: str, *args: object) -> HttpResponse:
    """After a command: nothing for htmx, since the socket brings what changed; the page again for plain forms."""
    return HttpResponse(status=204) if is_htmx(request) else redirect(name, *args)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page and back to where the person was; htmx is told to go there as a whole page."""
    here = urlsplit(request.headers["HX-Current-URL"]).path if "HX-Current-URL" in request.headers else None
    back = here or (request.get_full_path() if request.method == "GET" else "/")
    address = f"{resolve_url('login')}?{urlencode({'next': back})}"
    return HttpResponse(headers={"HX-Redirect": address}) if is_htmx(request) else redirect(address)
