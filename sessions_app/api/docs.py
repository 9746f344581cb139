"""`/api/docs`: the OpenAPI document as a plain page, without a script and without a request to anywhere else."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from sessions_app.api.schema import METHODS, Schema, document
from sessions_app.protocol.commands import INCOMING
from sessions_app.protocol.frames import OUTGOING
from sessions_app.protocol.reference import lines

DEEPEST = 6
_SAMPLES = {"integer": 0, "number": 0.0, "boolean": True, "string": "text", "null": None}
_FORMATS = {"uuid": "01981d2c-7f3a-7c55-9d10-3f6a2b9c4e01", "date-time": "2026-01-31T12:00:00+00:00"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    summary: SafeString
    description: SafeString
    parameters: list[Schema]
    request: str
    responses: list[tuple[str, str, str]]


def docs(request: HttpRequest) -> HttpResponse:
    """Every operation, with examples."""
    schema = document()
    groups: dict[str, list[Operation]] = {}
    for operation in operations(schema):
        groups.setdefault(operation.path.split("/")[2], []).append(operation)
    sockets = [("From the server", lines(OUTGOING)), ("To the server", lines(INCOMING))]
    return render(request, "api/docs.html", {"title": schema["info"]["title"], "groups": groups, "sockets": sockets})


def operations(schema: Schema) -> Iterator[Operation]:
    """Each method of each path."""
    for path, methods in schema["paths"].items():
        for method in METHODS:
            if method in methods:
                yield _operation(schema, method, path, methods[method])


def _operation(schema: Schema, method: str, path: str, fields: Schema) -> Operation:
    responses = [
        (status, response.get("description", ""), _example(schema, response) if status < "300" else "")
        for status, response in fields["responses"].items()
    ]
    description = fields.get("description", "")
    return Operation(
        id=fields["operationId"],
        method=method.upper(),
        path=path,
        summary=marked(fields.get("summary") or description.rstrip(".")),
        description=marked(description if "summary" in fields else ""),
        parameters=fields.get("parameters", []),
        request=_example(schema, fields.get("requestBody", {})),
        responses=responses,
    )


def marked(text: str) -> SafeString:
    """`text` with what stands between back quotes as code."""
    pieces = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", piece) if odd % 2 else piece,) for odd, piece in pieces)
    )


def _example(schema: Schema, holder: Schema) -> str:
    content = holder.get("content", {}).get("application/json")
    if content is None:
        return ""
    return json.dumps(sample(schema, content["schema"]), indent=2, ensure_ascii=False)


def sample(document: Schema, schema: Schema, depth: int = 0) -> Any:
    """A value that fits a JSON Schema: its own example or default where it has one."""
    if "$ref" in schema:
        return sample(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], depth)
    for several in ("examples", "enum"):
        if schema.get(several):
            return schema[several][0]
    for given in ("const", "default"):
        if given in schema:
            return schema[given]
    for nested in ("anyOf", "oneOf", "allOf"):
        if nested in schema:
            return sample(document, schema[nested][0], depth)
    return _sample_of_type(document, schema, depth)


def _sample_of_type(document: Schema, schema: Schema, depth: int) -> Any:
    kind = schema.get("type")
    if depth > DEEPEST:
        return None
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        return {name: sample(document, each, depth + 1) for name, each in properties.items()}
    if kind == "array":
        return [sample(document, schema["items"], depth + 1)] if schema.get("items") else []
    return _FORMATS.get(schema.get("format", ""), _SAMPLES.get(str(kind)))
