"""Who sees what: Bob is signed in and sees nothing of Alice's, and nobody sees anything without signing in."""

from uuid import uuid4

import pytest
from django.test import Client

from agentsite.access.models import User
from sessions_app.models import Interaction, Run, Session
from tests.support.scribe import Scribe

pytestmark = pytest.mark.django_db
OWNED = [
    ("get", "/api/session/{session}"),
    ("post", "/api/chat/cancel/{session}"),
    ("get", "/api/sessions/{session}"),
    ("patch", "/api/sessions/{session}"),
    ("delete", "/api/sessions/{session}"),
    ("get", "/api/sessions/{session}/messages"),
    ("get", "/api/sessions/{session}/events"),
    ("get", "/api/messages/{message}"),
    ("delete", "/api/messages/{message}"),
    ("get", "/api/runs/{run}"),
    ("get", "/api/runs/{run}/steps"),
    ("post", "/api/runs/{run}/cancel"),
    ("post", "/api/runs/{run}/retry"),
    ("post", "/api/runs/{run}/continue"),
    ("get", "/api/runs?session_id={session}"),
    ("get", "/api/interactions/{interaction}"),
]
LISTS = ["/api/sessions", "/api/runs", "/api/interactions?status=all", "/api/permissions"]


@pytest.mark.parametrize(("method", "path"), OWNED)
def test_what_is_alices_does_not_exist_for_bob(
    bobs: Client, api: Client, scribe: Scribe, method: str, path: str
) -> None:
    question = scribe.ask()
    assert scribe.run is not None
    ids = {
        "session": scribe.session.id,
        "run": scribe.run.id,
        "message": scribe.run.prompt_id,
        "interaction": question.id,
    }
    answers = [
        getattr(bobs, method)(path.format(**each), content_type="application/json")
        for each in (ids, dict.fromkeys(ids, uuid4()), dict.fromkeys(ids, "nonsense"))
        if "?" not in path or each["session"] != "nonsense"
    ]
    for answer in answers:
        assert answer.status_code == 404
        error = answer.json()["error"]
        del error["request_id"]
        assert error == {"code": "not_found", "message": "Not found.", "details": {}}
    assert Session.objects.filter(id=scribe.session.id).exists()
    assert Run.objects.get().status == "waiting"


def test_bob_can_neither_answer_nor_join_in(bobs: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    body = {"value": True}
    answer = bobs.post(f"/api/interactions/{question.id}/answer", body, content_type="application/json")
    assert answer.status_code == 404
    said = {"query": "Hello", "session_id": str(scribe.session.id)}
    assert bobs.post("/api/chat/completion", said, content_type="application/json").status_code == 404
    assert Interaction.objects.get().status == "pending"


@pytest.mark.parametrize("path", LISTS)
def test_bobs_lists_are_empty(bobs: Client, scribe: Scribe, path: str) -> None:
    scribe.ask()
    assert bobs.get(path).json()["results"] == []


@pytest.mark.parametrize("path", [*LISTS, "/api/agents", "/api/tools", "/api/templates", "/api/engines"])
def test_who_is_not_signed_in_is_asked_to(client: Client, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer as_wrong"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["error"]["code"] == "not_signed_in"


def test_a_page_of_this_site_needs_its_csrf_token(alice: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(alice)
    assert browser.get("/api/sessions").status_code == 200
    refused = browser.post("/api/sessions", {}, content_type="application/json")
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "forbidden"
    assert not Session.objects.exists()


def test_engines_are_for_operators(api: Client, operators: Client) -> None:
    assert api.get("/api/engines").status_code == 403
    assert operators.get("/api/engines").status_code == 200
