"""The OpenAPI document: what drf-spectacular finds, and what all operations have in common."""

from functools import cache
from typing import Any

from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from pydantic.json_schema import models_json_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from sessions_app.api.base import View
from sessions_app.api.documented import ErrorEnvelope

Schema = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")
EVENTS_PATH = "/api/session/{session_id}/events"
_PLAIN: Schema = {"POSTPROCESSING_HOOKS": [], "COMPONENT_SPLIT_PATCH": False}  # enums stay where they are used
_ERRORS = {
    "400": "What was sent cannot be taken as it is.",
    "401": "Nobody is signed in, or the token is not good.",
    "404": "It does not exist, or is not yours: both look the same.",
    "409": "The state has moved on.",
    "413": "The body is over 1 MiB.",
    "429": "Too much at once; see Retry-After.",
}
_ALWAYS = ("401",)
_WITH_BODY = ("400", "409", "413", "429")
_EVENTS: Schema = {
    "operationId": "session_follow",
    "summary": "Follow a session as server-sent events",
    "description": "The frames of the JSON socket, one a `data:` line, described in docs/protocol.md. `id:` stands on "
    "durable facts only, so that an EventSource comes back at the right place; `: keepalive` comes every 15 s.",
    "tags": ["session"],
    "parameters": [
        {"name": "session_id", "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}},
        {"name": "after", "in": "query", "schema": {"type": "integer"}, "description": "Only what follows this seq."},
        {"name": "Last-Event-ID", "in": "header", "schema": {"type": "integer"}, "description": "The same; it wins."},
    ],
    "responses": {
        "200": {"description": "The stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    },
}


@cache
def document() -> Schema:
    """The whole document; it is the same for everybody."""
    with patched_settings(_PLAIN):
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]
        schema = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    _, errors = models_json_schema([(ErrorEnvelope, "serialization")], ref_template="#/components/schemas/{model}")
    components.update(errors["$defs"])
    schema["paths"][EVENTS_PATH] = {"get": {**_EVENTS, "security": [{"bearer": []}, {"cookieAuth": []}]}}
    schema["paths"] = dict(sorted(schema["paths"].items()))
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                _add_errors(path, methods[method])
    return dict(schema)


def _add_errors(path: str, operation: Schema) -> None:
    statuses = [*_ALWAYS]
    if "{" in path:
        statuses.append("404")
    if "requestBody" in operation:
        statuses.extend(_WITH_BODY)
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}}
    for status in sorted(statuses):
        operation["responses"].setdefault(status, {"description": _ERRORS[status], "content": content})


class SchemaView(View):
    """`/api/schema`."""

    permission_classes = (AllowAny,)
    authentication_classes = ()
    schema = None

    def get(self, request: Request) -> Response:
        """The OpenAPI document as JSON."""
        return Response(document())
