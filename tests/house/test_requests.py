"""Every request: its id, the security headers, CORS, the limit of its body, streams, static files, proxies."""

import asyncio
import logging
from ipaddress import ip_network
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings as site_settings
from django.core.asgi import get_asgi_application
from django.test import AsyncClient, Client

from agentsite.core.asgi_layers import BodyLimit, TrustedProxies
from agentsite.core.logs import RequestIdFilter
from tests.house import views
from tests.house.wire import ask

pytestmark = [pytest.mark.urls("tests.house.views"), pytest.mark.django_db]
MEBIBYTE = 1024 * 1024


@pytest.fixture
def site() -> Any:
    """The pages as an ASGI server sees them, without the sockets."""
    return BodyLimit(get_asgi_application(), site_settings.BODY_LIMIT_BYTES)


def test_the_security_headers_stand_on_every_page(client: Client) -> None:
    headers = client.get("/sign-in/").headers
    policy = dict(rule.split(" ", 1) for rule in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["style-src"] == policy["connect-src"] == policy["form-action"] == "'self'"
    assert policy["img-src"] == "'self' data:"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_the_nonce_of_the_page_is_the_headers_and_never_the_same(client: Client) -> None:
    first, second = client.get("/nonce"), client.get("/nonce")
    assert f"'nonce-{first.content.decode()}'" in first.headers["Content-Security-Policy"]
    assert len(first.content) >= 20
    assert first.content != second.content


def test_errors_and_the_admin_have_the_policy_too(client: Client, operator: Any) -> None:
    client.force_login(operator)
    for path in (
        "/nowhere",
        "/api/nowhere",
        "/admin/",
        "/admin/access/user/",
        f"/admin/access/user/{operator.pk}/change/",
    ):
        assert "default-src 'none'" in client.get(path).headers["Content-Security-Policy"], path


def test_a_request_has_an_id_and_a_harmless_one_is_kept(client: Client) -> None:
    first, second = (client.get("/sign-in/").headers["X-Request-Id"] for _ in range(2))
    assert len(first) == 32
    assert first != second
    kept = client.get("/api/nowhere", headers={"X-Request-Id": "trace-1234"})
    assert kept.headers["X-Request-Id"] == kept.json()["error"]["request_id"] == "trace-1234"
    for strange in ("short", "x" * 65, "two words", "line\tbreak"):
        assert client.get("/sign-in/", headers={"X-Request-Id": strange}).headers["X-Request-Id"] != strange


def test_log_lines_name_the_request(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    caplog.handler.addFilter(RequestIdFilter())
    client.raise_request_exception = False
    with caplog.at_level(logging.ERROR, logger="django.request"):
        answer = client.get("/api/fail/defect")
    assert {record.__dict__["request_id"] for record in caplog.records} == {answer.headers["X-Request-Id"]}


async def test_the_headers_stand_on_asynchronous_answers_too(async_client: AsyncClient) -> None:
    headers = (await async_client.get("/sign-in/")).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert len(headers["X-Request-Id"]) == 32


async def test_a_stream_is_not_held_back(site: Any) -> None:
    views.gate = asyncio.Event()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/stream",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
    }
    conversation = ApplicationCommunicator(site, scope)
    await conversation.send_input({"type": "http.request", "body": b""})
    start = await conversation.receive_output(2)
    assert (await conversation.receive_output(2))["body"] == b"first"
    views.gate.set()
    assert (await conversation.receive_output(2))["body"] == b"second"
    assert b"content-security-policy" in {name.lower() for name, _ in start["headers"]}
    await conversation.receive_output(2)
    await conversation.wait()


def test_a_body_over_a_mebibyte_is_refused(client: Client) -> None:
    body = '"' + "a" * MEBIBYTE + '"'
    refused = client.post("/api/fail/app", body, content_type="application/json")
    assert refused.status_code == 413
    assert refused.json()["error"]["code"] == "too_large"
    taken = client.post("/api/fail/app", body[:1] + body[3:], content_type="application/json")
    assert taken.status_code == 200


async def test_a_body_of_unknown_length_is_refused_when_it_grows_too_long(site: Any) -> None:
    part = b"a" * (MEBIBYTE // 4)
    headers = {"content-type": "application/json"}
    refused = await ask(site, "/api/fail/app", method="POST", headers=headers, chunks=(part,) * 5)
    assert refused.status == 413
    assert b'"too_large"' in refused.body
    assert "default-src 'none'" in refused.headers["content-security-policy"]


async def test_a_refused_body_is_not_read_to_its_end() -> None:
    asked = 0

    async def receive() -> dict[str, Any]:
        nonlocal asked
        asked += 1
        return {"type": "http.request", "body": b"aaaa", "more_body": True}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        assert scope["agentsite.too_large"]
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    await BodyLimit(application, 10)({"type": "http", "headers": []}, receive, send)
    assert asked == 3
    await BodyLimit(application, 10)({"type": "http", "headers": [(b"content-length", b"11")]}, receive, send)
    assert asked == 3


async def test_a_body_in_chunks_arrives_whole(site: Any) -> None:
    headers = {"content-type": "application/json"}
    taken = await ask(site, "/api/fail/app", method="POST", headers=headers, chunks=(b'{"a":', b" 1", b"}"))
    assert (taken.status, taken.body) == (200, b'{"a":1}')


async def test_v1_refuses_in_its_own_shape(site: Any) -> None:
    refused = await ask(site, "/v1/fail/app", method="POST", headers={"content-length": str(MEBIBYTE + 1)})
    assert refused.status == 413
    assert b'"type": "invalid_request_error"' in refused.body


def test_no_origin_may_call_unless_it_is_named(client: Client) -> None:
    answer = client.get("/api/address", headers={"Origin": "https://app.example.com"})
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


def test_a_named_origin_may_call_the_api_without_cookies(client: Client, settings: Any) -> None:
    origins = ("https://app.example.com",)
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"cors_origins": origins})
    named = {"Origin": "https://app.example.com"}
    preflight = client.options("/api/private", headers={**named, "Access-Control-Request-Method": "POST"})
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    answer = client.get("/api/address", headers=named)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in answer.headers["Vary"]
    for headers, path in ((named, "/sign-in/"), ({"Origin": "https://app.example.com.evil.org"}, "/api/address")):
        assert "Access-Control-Allow-Origin" not in client.get(path, headers=headers).headers


@pytest.mark.parametrize(
    ("peer", "headers", "seen"),
    [
        ("10.0.0.1", {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}, b"203.0.113.7 https"),
        ("10.0.0.1", {"x-forwarded-for": "6.6.6.6, 203.0.113.7, 10.0.0.2"}, b"203.0.113.7 http"),
        ("10.0.0.1", {}, b"10.0.0.1 http"),
        ("10.0.0.1", {"x-forwarded-proto": "gopher"}, b"10.0.0.1 http"),
        ("192.0.2.9", {"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"}, b"192.0.2.9 http"),
        ("unix", {"x-forwarded-for": "203.0.113.7"}, b"unix http"),
    ],
)
async def test_only_named_proxies_are_believed(site: Any, peer: str, headers: dict[str, str], seen: bytes) -> None:
    behind = TrustedProxies(site, [ip_network("10.0.0.0/8")])
    assert (await ask(behind, "/api/address", peer=peer, headers=headers)).body == seen


async def test_a_socket_behind_a_proxy_knows_its_scheme() -> None:
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    async def nothing(*_: Any) -> Any:
        return None

    headers = [(b"x-forwarded-proto", b"https"), (b"x-forwarded-for", b"203.0.113.7")]
    scope = {"type": "websocket", "scheme": "ws", "client": ("10.0.0.1", 1), "headers": headers}
    await TrustedProxies(application, [ip_network("10.0.0.0/8")])(scope, nothing, nothing)
    assert (seen[0]["scheme"], seen[0]["client"][0]) == ("wss", "203.0.113.7")


async def test_static_files_come_whole_with_their_type(site: Any, client: Client) -> None:
    found = await ask(site, "/static/admin/css/base.css")
    assert found.status == 200
    assert found.headers["content-type"].startswith("text/css")
    assert int(found.headers["content-length"]) == len(found.body) > 1000
    assert found.headers["x-content-type-options"] == "nosniff"
    again = await ask(site, "/static/admin/css/base.css", headers={"if-none-match": found.headers.get("etag", "")})
    assert again.status in (200, 304)
    assert (await ask(site, "/static/none.css")).status == 404
    assert (await ask(site, "/static/../manage.py")).status == 404
    assert client.get("/static/admin/css/base.css").content == found.body
