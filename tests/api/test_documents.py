"""No public path and no frame is undocumented, and the documents need nothing from elsewhere."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from sessions_app.api.schema import METHODS, document
from sessions_app.protocol import reference
from sessions_app.protocol.commands import INCOMING, Command
from sessions_app.protocol.frames import OUTGOING, Frame, frame_type

pytestmark = pytest.mark.django_db
SELF = {"/api/schema", "/api/docs"}
CONTRACT = {
    "/api/chat/completion": "post",
    "/api/chat/cancel/{session_id}": "post",
    "/api/session/{session_id}": "get",
    "/api/session/{session_id}/events": "get",
}
OUT = (
    "connection_ready initial_state message task_started generating stream request_confirmation request_user_input "
    "interaction_resolved task_completed task_failed task_cancelled server_restarting error ack heartbeat"
)


def paths(patterns: list[Any], prefix: str = "/") -> Iterator[str]:
    """Every path of the site, with its parameters in braces."""
    for pattern in patterns:
        route = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from paths(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def test_every_path_of_the_api_is_documented() -> None:
    served = {path for path in paths(get_resolver().url_patterns) if path.startswith("/api/")}
    assert served - SELF == set(document()["paths"])


def test_the_contract_is_kept() -> None:
    for path, method in CONTRACT.items():
        assert method in document()["paths"][path]
    assert {frame_type(frame) for frame in OUTGOING} == set(OUT.split())
    incoming = "connection_acknowledged message confirm user_input cancel heartbeat"
    assert {frame_type(frame) for frame in INCOMING} == set(incoming.split())


def test_every_operation_says_what_it_does_and_how_it_fails() -> None:
    names = []
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                operation = methods[method]
                names.append(operation["operationId"])
                assert operation.get("summary") or operation.get("description"), (method, path)
                assert "401" in operation["responses"], (method, path)
    assert len(names) == len(set(names))


def test_every_reference_leads_somewhere() -> None:
    schemas = document()["components"]["schemas"]
    named = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document())))
    assert named <= set(schemas)


def test_every_declared_frame_is_in_the_registry() -> None:
    def leaves(kind: type[Any]) -> set[type[Any]]:
        return {each for sub in kind.__subclasses__() for each in leaves(sub)} or {kind}

    assert leaves(Frame) == set(OUTGOING)
    assert leaves(Command) == set(INCOMING)


def test_the_reference_is_up_to_date() -> None:
    command = "python -m sessions_app.protocol.reference"
    assert reference.PAGE.read_text(encoding="utf-8") == reference.text(), f"run {command}"


class Links(HTMLParser):
    """What a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = {"script": "src", "img": "src", "link": "href", "iframe": "src"}
        value = dict(attrs).get(names.get(tag, ""))
        if value:
            self.loads.append(value)


def test_the_page_shows_every_operation_and_loads_nothing_from_elsewhere(client: Client) -> None:
    answer = client.get("/api/docs")
    page = answer.content.decode()
    assert answer.status_code == 200
    for path, methods in document()["paths"].items():
        for method in METHODS:
            if method in methods:
                assert f"{method.upper()} {path}" in page
    for frame in OUT.split():
        assert f"<code>{frame}</code>" in page
    links = Links()
    links.feed(page)
    assert links.loads
    assert all(load.startswith("/static/") for load in links.loads)
    assert "<script" not in page


def test_the_file_is_the_document(client: Client) -> None:
    answer = client.get("/api/schema")
    assert answer.json() == document()
    assert answer.json()["openapi"].startswith("3.")
