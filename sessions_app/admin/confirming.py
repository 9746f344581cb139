"""Actions show what they would do to which rows, and do it when that is confirmed."""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from agentsite.access.models import User
from agentsite.core.errors import AppError

CONFIRMED = "confirmed"


def staff(request: HttpRequest) -> User:
    """Who acts: the admin lets nobody else in."""
    assert isinstance(request.user, User)
    return request.user


def is_confirmed(request: HttpRequest) -> bool:
    """Whether the page has been seen."""
    return CONFIRMED in request.POST


def confirmation_page(
    model_admin: admin.ModelAdmin[Any], request: HttpRequest, template: str, rows: Iterable[Model], **context: Any
) -> HttpResponse:
    """The page between the choice and the deed; it sends the same action again."""
    rows = list(rows)
    context |= {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "rows": rows,
        "action": request.POST["action"],
        "checkbox_name": ACTION_CHECKBOX_NAME,
        "confirmed_name": CONFIRMED,
    }
    return TemplateResponse(request, template, context)


def do_to_each(
    model_admin: admin.ModelAdmin[Any],
    request: HttpRequest,
    rows: Iterable[Any],
    deed: Callable[[Any], str],
    *,
    deletes: bool = False,
) -> None:
    """Do it to each row, note it in the row's history, and tell what came of it; a refusal leaves the others alone.

    `deed` returns the words that tell what it did.
    """
    told: dict[str, int] = {}
    for row in list(rows):
        name = str(row)
        try:
            words = deed(row)
        except AppError as error:
            model_admin.message_user(request, f"{name}: {error.message}", messages.WARNING)
            continue
        if deletes:
            model_admin.log_deletions(request, [row])  # type: ignore[arg-type] # it only goes through them
        else:
            model_admin.log_change(request, row, words)
        told[words] = told.get(words, 0) + 1
    for words, count in told.items():
        model_admin.message_user(request, f"{words}: {count}.", messages.SUCCESS)
