"""What all pages of history have in common: nothing can be changed by hand, ids can be searched, ages can be read."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from sessions_app.rendering.fields import pretty
from sessions_app.terminal.screen import printable

NONE = "—"
EXCERPT = 80
_M = TypeVar("_M", bound=Model)


class LightChangeList(ChangeList):
    """A list that does not load what it does not show."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        """Without the heavy fields."""
        assert isinstance(self.model_admin, HistoryAdmin)
        return super().get_queryset(request, exclude_parameters).defer(*self.model_admin.heavy_fields)


class HistoryAdmin(admin.ModelAdmin[_M]):
    """Rows that services write: read here, and changed by nothing but the actions of a page.

    `id_fields` are found by a whole id in the search box; `heavy_fields` are left out of lists.
    """

    id_fields: Sequence[str] = ("id",)
    heavy_fields: Sequence[str] = ()
    actions_on_bottom = False
    list_per_page = 50
    show_full_result_count = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Lists that leave the heavy fields out."""
        return LightChangeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[_M], search_term: str
    ) -> tuple[QuerySet[_M], bool]:
        """By text, or by a whole id."""
        try:
            wanted = UUID(search_term.strip())
        except ValueError:
            return super().get_search_results(request, queryset, search_term)
        any_id = Q()
        for name in self.id_fields:
            any_id |= Q(**{name: wanted})
        return queryset.filter(any_id), False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody."""
        return False

    def has_operate_permission(self, request: HttpRequest) -> bool:
        """Who may use the actions: whoever is given the right to change such rows."""
        return request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}")


def age(moment: Any) -> str:
    """How long ago something was, in its largest unit."""
    return timesince(moment, timezone.now(), depth=1) if moment else NONE


def seconds_between(start: Any, end: Any) -> str:
    """How long something took; until now while it is on."""
    if start is None:
        return NONE
    seconds = ((end or timezone.now()) - start).total_seconds()
    return f"{seconds:.1f} s" if seconds < 60 else timesince(start, end or timezone.now(), depth=2)


def money(cost: float | None) -> str:
    """A cost in the currency of the engines' prices."""
    return f"{cost:.4f}" if cost else NONE


def excerpt(text: str | None, characters: int = EXCERPT) -> str:
    """The beginning of a text, on one line."""
    line = " ".join((text or "").split())
    return printable(line if len(line) <= characters else f"{line[: characters - 1]}…") or NONE


def block(value: Any) -> SafeString:
    """A text or JSON as it is, with what could mislead the eye made visible."""
    return (
        format_html("<pre>{}</pre>", printable(pretty(value))) if value not in (None, "", {}, []) else SafeString(NONE)
    )


def link(row: Model | None, text: str = "") -> SafeString:
    """A link to a row's page."""
    if row is None:
        return SafeString(NONE)
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', address, printable(text or str(row)))
