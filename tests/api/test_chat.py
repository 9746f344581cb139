"""The three calls that a chat needs."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from sessions_app.models import Message, Run, Session
from tests.support.json_client import check
from tests.support.scribe import Scribe

pytestmark = pytest.mark.django_db
COMPLETION = "/api/chat/completion"


def post(client: Client, path: str, **body: Any) -> Any:
    """What a POST of JSON gets."""
    return client.post(path, body, content_type="application/json")


def test_a_question_makes_a_session_and_starts_a_run(api: Client) -> None:
    answer = post(api, COMPLETION, query="  What is 17 * 23? ")
    run = Run.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "session_id": str(run.session_id),
        "run_id": str(run.id),
        "message_id": str(run.prompt_id),
        "query": "What is 17 * 23?",
    }
    assert (run.status, run.door, run.interactive) == ("queued", "rest", True)
    assert run.session.title == "What is 17 * 23?"


def test_a_second_question_waits_in_the_same_session(api: Client, scribe: Scribe) -> None:
    answer = post(api, COMPLETION, query="And then?", session_id=str(scribe.session.id)).json()
    assert answer["session_id"] == str(scribe.session.id)
    assert Message.objects.get(id=answer["message_id"]).status == "queued"


def test_an_agent_is_named_by_slug_or_id(api: Client, scribe: Scribe) -> None:
    assert scribe.session.agent is not None
    for name in (scribe.session.agent.slug, str(scribe.session.agent_id)):
        assert post(api, COMPLETION, query="Hello", agent=name).status_code == 201
    refused = post(api, COMPLETION, query="Hello", agent="nobody")
    assert refused.status_code == 400
    assert refused.json()["error"]["message"] == "There is no such agent. `GET /api/agents` lists them."
    kept = post(api, COMPLETION, query="Hello", session_id=str(scribe.session.id), agent="puppet-nothing")
    assert kept.status_code == 400
    assert Session.objects.count() == 3


@pytest.mark.parametrize(
    ("query", "says"),
    [("", "Write a message first."), (" \n", "Write a message first."), ("a" * 32_001, "32,001 characters")],
)
def test_a_message_is_neither_empty_nor_too_long(api: Client, query: str, says: str) -> None:
    answer = post(api, COMPLETION, query=query)
    assert answer.status_code == 400
    assert says in answer.json()["error"]["message"]
    assert not Session.objects.exists()


def test_a_body_over_a_mebibyte_is_refused(api: Client) -> None:
    answer = post(api, COMPLETION, query="a" * (1024 * 1024))
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "too_large"


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "[" * 100_000, '{"query": NaN}'])
def test_what_is_no_json_object_is_refused(api: Client, body: str) -> None:
    answer = api.post(COMPLETION, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "query"),
        ({"query": "x", "stratgy": "reject"}, "stratgy"),
        ({"query": "x", "strategy": "shout"}, "strategy"),
        ({"query": "x", "session_id": "7"}, "session_id"),
        ({"query": ["x"]}, "query"),
    ],
)
def test_the_field_that_is_wrong_is_named(api: Client, body: dict[str, Any], field: str) -> None:
    answer = post(api, COMPLETION, **body)
    assert answer.status_code == 400
    assert list(answer.json()["error"]["details"]["fields"]) == [field]


def test_a_form_is_not_json(api: Client) -> None:
    answer = api.post(COMPLETION, {"query": "x"})
    assert answer.status_code == 415
    assert "error" in answer.json()


@pytest.mark.parametrize("how", ["field", "header"])
def test_a_repeat_gets_the_first_answer(api: Client, how: str) -> None:
    key = str(uuid4())
    body = {"query": "Hello"} | ({"cmd_id": key} if how == "field" else {})
    headers = {"Idempotency-Key": key} if how == "header" else {}
    answers = [api.post(COMPLETION, body, content_type="application/json", headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Run.objects.count() == 1


def test_a_key_of_something_else_is_refused(api: Client, scribe: Scribe) -> None:
    assert post(api, COMPLETION, query="Hello", cmd_id="1").status_code == 201
    answer = post(api, f"/api/chat/cancel/{scribe.session.id}", cmd_id="1")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "cmd_id_used"


def test_what_failed_may_be_tried_again_with_the_same_key(api: Client) -> None:
    assert post(api, COMPLETION, query="", cmd_id="1").status_code == 400
    assert post(api, COMPLETION, query="Hello", cmd_id="1").status_code == 201


def test_reject_while_a_run_is_on_is_a_conflict(api: Client, scribe: Scribe) -> None:
    answer = post(api, COMPLETION, query="Now", session_id=str(scribe.session.id), strategy="reject")
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "busy"


def test_a_stop_says_what_became_of_it(api: Client, scribe: Scribe) -> None:
    path = f"/api/chat/cancel/{scribe.session.id}"
    assert post(api, path).json() == {"status": "cancelling"}
    assert post(api, path).json() == {"status": "cancelling"}
    scribe.finish()
    assert post(api, path).json() == {"status": "none"}
    post(api, COMPLETION, query="Another", session_id=str(scribe.session.id))
    assert post(api, path).json() == {"status": "cancelled"}


def test_the_state_is_the_page(api: Client, scribe: Scribe) -> None:
    scribe.start_message()
    scribe.say("So far 😀")
    state = api.get(f"/api/session/{scribe.session.id}").json()
    assert (state["task_exists"], state["is_connected"], state["saved_state_messages"]) == (True, False, 2)
    frames = [check(frame) for frame in state["state_messages"]]
    assert [frame["type"] for frame in frames] == ["message", "task_started", "message", "generating"]
    assert frames[-1]["data"] == {"content": "So far 😀", "event": "delta"}
    assert state["state_count"] == 4
    scribe.session.refresh_from_db()
    assert state["seq"] == scribe.session.seq
    scribe.end_message()
    scribe.finish()
    assert api.get(f"/api/session/{scribe.session.id}").json()["task_exists"] is False


def test_older_pages_of_the_state(api: Client, scribe: Scribe) -> None:
    for number in range(120):
        scribe.start_message()
        scribe.say(f"Answer {number}")
        scribe.end_message()
    path = f"/api/session/{scribe.session.id}"
    last = api.get(path).json()
    first = api.get(path, {"before": last["before"]}).json()
    said = [
        frame["message"]["content"]
        for state in (first, last)
        for frame in state["state_messages"]
        if frame["type"] == "message"
    ]
    assert said == ["Hello", *(f"Answer {number}" for number in range(120))]
    assert (last["saved_state_messages"], first["before"]) == (121, None)
    assert api.get(path, {"before": "x"}).status_code == 400
