"""What all views share: bodies, identifiers of commands, pages of lists."""

from collections.abc import Callable, Iterable
from typing import IO, Any, TypeVar, cast

from django.db.models import Model, QuerySet
from pydantic import BaseModel, ValidationError
from rest_framework.exceptions import NotFound, ParseError
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.parsers import JSONParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from agentsite.access.models import User
from agentsite.core.errors import InvalidError
from agentsite.core.text import clean_json
from sessions_app.services.commands import once

Shape = TypeVar("Shape", bound=BaseModel)
Row = TypeVar("Row", bound=Model)
Public = dict[str, Any]


class BodyParser(JSONParser):
    """JSON whose texts any database can store."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """The body; raises ParseError, also for one that is nested too deeply to read."""
        try:
            return clean_json(super().parse(stream, media_type, parser_context))
        except RecursionError:
            raise ParseError from None


class AsciiRenderer(JSONRenderer):
    """JSON in ASCII, so that no text, however broken, can fail on its way out."""

    ensure_ascii = True


class View(APIView):
    """A view of signed-in people and programs."""

    parser_classes = (BodyParser,)
    renderer_classes = (AsciiRenderer,)


def user_of(request: Request) -> User:
    """Who asks; the permission has let nobody else through."""
    return cast("User", request.user)


def read_body(request: Request, shape: type[Shape]) -> Shape:
    """The body as `shape`; an `Idempotency-Key` header stands for `cmd_id`. Raises InvalidError."""
    data = request.data
    if not isinstance(data, dict):
        raise InvalidError("Send a JSON object.")
    key = request.headers.get("Idempotency-Key")
    if key and "cmd_id" in shape.model_fields:
        data = {"cmd_id": key, **data}
    try:
        return shape.model_validate(data)
    except ValidationError as error:
        fields = {".".join(map(str, item["loc"])): item["msg"] for item in error.errors()}
        raise InvalidError(f"Check {', '.join(fields)}.", details={"fields": fields}) from None


def do_once(request: Request, name: str, cmd_id: str, action: Callable[[], Public]) -> Public:
    """Do a command once, however often it is sent with the same id; `name` says which command it is, and on what."""
    return once(user=user_of(request), cmd_id=cmd_id, name=name, action=action)


def read_number(request: Request, name: str, *, default: int | None = None, most: int | None = None) -> int | None:
    """A whole number of the query, at most `most`. Raises InvalidError."""
    value = request.query_params.get(name)
    if value is None or value == "":
        return default
    if not (value.isascii() and value.isdigit() and len(value) < 19):
        raise InvalidError(f"`{name}` is a whole number from 0 on.", details={"field": name})
    return int(value) if most is None else min(int(value), most)


class Pages(CursorPagination):
    """Pages of a list that may grow: `?limit=` rows from `?cursor=` on, which is in `next`."""

    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"

    def decode_cursor(self, request: Request) -> Cursor | None:
        """Where to begin; raises InvalidError."""
        try:
            return super().decode_cursor(request)
        except NotFound:
            raise InvalidError("`cursor` is not one that this list gave. Begin without it.") from None


def page_of(request: Request, rows: QuerySet[Row], ordering: str, public: Callable[[Row], Public]) -> Response:
    """One page of `rows`: `{"results", "next", "previous"}`."""
    pages = Pages()
    pages.ordering = ordering
    found: Iterable[Row] = pages.paginate_queryset(rows, request) or []
    return pages.get_paginated_response([public(row) for row in found])
