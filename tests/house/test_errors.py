"""Errors: one envelope for programs, a page for people, and nothing of the inside for either."""

from typing import Any

import pytest
from django.test import Client

from agentsite.access.services import create_token

pytestmark = [pytest.mark.urls("tests.house.views"), pytest.mark.django_db]
INSIDE = ("secret", "SELECT", "Traceback", "row 17", "/work/", "RuntimeError")


@pytest.fixture
def visitor() -> Client:
    """A client that sees what a visitor sees when a view fails."""
    return Client(raise_request_exception=False)


@pytest.mark.parametrize("accept", ["application/json", "text/html"])
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("app", 409, "conflict"),
        ("rate", 429, "rate_limited"),
        ("missing", 404, "not_found"),
        ("forbidden", 403, "forbidden"),
        ("invalid", 400, "invalid"),
        ("throttled", 429, "rate_limited"),
        ("suspicious", 400, "invalid"),
        ("defect", 500, "internal"),
    ],
)
def test_an_api_fails_in_the_envelope(visitor: Client, kind: str, status: int, code: str, accept: str) -> None:
    answer = visitor.get(f"/api/fail/{kind}", headers={"Accept": accept})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, code)
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["request_id"] == answer.headers["X-Request-Id"]
    assert error["message"].endswith((".", "…"))
    assert not [word for word in INSIDE if word in answer.content.decode()]


def test_details_and_waiting_times_reach_the_client(visitor: Client) -> None:
    assert visitor.get("/api/fail/app").json()["error"]["details"] == {"winner": 7}
    assert visitor.get("/api/fail/invalid").json()["error"]["details"] == {"fields": {"name": ["Too long."]}}
    assert visitor.get("/api/fail/rate").headers["Retry-After"] == "9"
    assert visitor.get("/api/fail/throttled").headers["Retry-After"] == "4"


@pytest.mark.parametrize(
    ("kind", "status"), [("missing", 404), ("forbidden", 403), ("suspicious", 400), ("defect", 500)]
)
def test_a_page_fails_as_a_page_unless_json_is_asked_for(visitor: Client, kind: str, status: int) -> None:
    page = visitor.get(f"/fail/{kind}")
    assert page.status_code == status
    assert page.headers["Content-Type"].startswith("text/html")
    assert page.headers["X-Request-Id"] in page.content.decode()
    assert not [word for word in INSIDE if word in page.content.decode()]
    assert visitor.get(f"/fail/{kind}", headers={"Accept": "application/json"}).json()["error"]["request_id"]


def test_what_does_not_exist_and_what_is_not_yours_have_one_body(visitor: Client) -> None:
    headers = {"X-Request-Id": "the-same-request"}
    assert (
        visitor.get("/api/nowhere", headers=headers).json() == visitor.get("/api/fail/missing", headers=headers).json()
    )


def test_requests_that_an_address_does_not_serve(visitor: Client) -> None:
    assert visitor.delete("/api/fail/app").json()["error"]["code"] == "unsupported_request"
    assert visitor.delete("/api/fail/app").status_code == 405
    wrong_type = visitor.post("/api/fail/app", "a=1", content_type="text/plain")
    assert (wrong_type.status_code, wrong_type.json()["error"]["code"]) == (415, "unsupported_request")
    malformed = visitor.post("/api/fail/app", "{", content_type="application/json")
    assert (malformed.status_code, malformed.json()["error"]["message"]) == (400, "The body is not valid JSON.")


def test_v1_fails_in_the_shape_of_openai(visitor: Client) -> None:
    assert visitor.get("/v1/fail/app").json() == {
        "error": {
            "message": "It was answered already.",
            "type": "invalid_request_error",
            "param": None,
            "code": "conflict",
        }
    }
    assert visitor.get("/v1/fail/defect").json()["error"]["type"] == "server_error"


def test_a_stranger_is_asked_for_a_token(visitor: Client) -> None:
    answer = visitor.get("/api/private")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    wrong = visitor.get("/api/private", headers={"Authorization": "Bearer as_wrong"})
    assert wrong.status_code == 401
    assert "account page" in wrong.json()["error"]["message"]


def test_a_token_needs_no_csrf_token_and_a_cookie_does(alice: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    _, value = create_token(user=alice)
    assert strict.post("/api/private", headers={"Authorization": f"Bearer {value}"}).json() == {"user": "alice"}
    strict.force_login(alice)
    refused = strict.post("/api/private")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")


def test_a_form_from_elsewhere_is_refused_in_plain_words(alice: Any) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice)
    refused = strict.post("/account/", {"email": "evil@example.com"})
    assert refused.status_code == 403
    assert "Reload the page" in refused.content.decode()
