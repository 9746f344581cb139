"""Runs, their steps and their questions over REST."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from sessions_app.api.documented import InteractionDetail, RunDetail
from sessions_app.models import Interaction, Run
from sessions_app.serializers import StepRow
from sessions_app.types import RunStatus
from tests.api.test_chat import post
from tests.support.scribe import Scribe
from tools_app.models import ToolPermission

pytestmark = pytest.mark.django_db


def test_a_run_and_what_it_did(api: Client, scribe: Scribe) -> None:
    scribe.start_message()
    scribe.end_message()
    step = scribe.run_tool("a.txt")
    path = f"/api/runs/{scribe.held.run_id}"
    run = api.get(path).json()
    RunDetail.model_validate(run)
    assert (run["status"], run["session_id"]) == ("running", str(scribe.session.id))
    steps = api.get(f"{path}/steps").json()["results"]
    for row in steps:
        StepRow.model_validate(row)
    assert [row["kind"] for row in steps] == ["model", "tool"]
    assert (steps[1]["id"], steps[1]["output"], steps[1]["status"]) == (str(step.id), "a.txt", "succeeded")


def test_runs_are_listed_by_session_and_status(api: Client, scribe: Scribe) -> None:
    other = Scribe.begin(scribe.owner, "Another")
    scribe.finish()

    def found(**query: str) -> list[str]:
        return [row["id"] for row in api.get("/api/runs", query).json()["results"]]

    mine, others = str(scribe.held.run_id), str(other.held.run_id)
    assert found() == [others, mine]
    assert found(session_id=str(scribe.session.id)) == [mine]
    assert found(status="running") == [others]
    assert api.get("/api/runs", {"status": "flying"}).status_code == 400
    assert api.get("/api/runs", {"session_id": "7"}).status_code == 400


@pytest.mark.parametrize("path", ["/api/runs", "/api/interactions?status=all"])
def test_lists_cost_the_same_for_many(api: Client, scribe: Scribe, path: str, django_assert_num_queries: Any) -> None:
    scribe.ask()
    for number in range(3):
        Scribe.begin(scribe.owner, f"Question {number}").ask()
    api.get(path)  # notes that the token is in use
    with django_assert_num_queries(2):
        assert len(api.get(path).json()["results"]) == 4


def test_a_run_is_stopped(api: Client, scribe: Scribe) -> None:
    path = f"/api/runs/{scribe.held.run_id}/cancel"
    assert post(api, path).json() == {"status": "cancelling"}
    scribe.finish()
    assert post(api, path).json() == {"status": "none"}


def test_a_failed_run_is_retried_once(api: Client, scribe: Scribe) -> None:
    path = f"/api/runs/{scribe.held.run_id}/retry"
    assert post(api, path).status_code == 409
    scribe.fail()
    made = post(api, path, cmd_id="again")
    assert made.status_code == 201
    RunDetail.model_validate(made.json())
    assert made.json()["retry_of"] == str(scribe.held.run_id)
    assert post(api, path, cmd_id="again").json() == made.json()
    assert post(api, path).status_code == 409
    assert Run.objects.count() == 2


def test_a_run_that_met_a_limit_is_continued(api: Client, scribe: Scribe) -> None:
    path = f"/api/runs/{scribe.held.run_id}/continue"
    scribe.fail()
    assert post(api, path).status_code == 409
    Run.objects.update(code="limit_steps", actions=["continue"], status=RunStatus.FAILED)
    before = Run.objects.get().frozen
    assert before is not None
    made = post(api, path)
    assert made.status_code == 201
    after = Run.objects.get(id=made.json()["id"]).frozen
    assert after is not None
    assert after["limits"]["steps"] == 2 * before["limits"]["steps"]


def test_open_questions_are_listed(api: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    rows = api.get("/api/interactions").json()["results"]
    InteractionDetail.model_validate(rows[0])
    assert [row["id"] for row in rows] == [str(question.id)]
    assert api.get(f"/api/interactions/{question.id}").json() == rows[0]
    post(api, f"/api/interactions/{question.id}/answer", value=True)
    assert api.get("/api/interactions").json()["results"] == []
    assert len(api.get("/api/interactions", {"status": "all"}).json()["results"]) == 1
    assert api.get("/api/interactions", {"status": "open"}).status_code == 400


@pytest.mark.parametrize(
    ("body", "decision", "answer"),
    [
        ({"value": True}, "approve", {}),
        ({"value": False, "reason": "No"}, "reject", {"reason": "No"}),
        ({"decision": "respond", "reason": "There is a.txt"}, "respond", {"content": "There is a.txt"}),
        ({"decision": "edit", "arguments": {"command": "ls -l"}}, "edit", {"arguments": {"command": "ls -l"}}),
    ],
)
def test_a_question_is_decided(
    api: Client, scribe: Scribe, body: dict[str, Any], decision: str, answer: dict[str, Any]
) -> None:
    path = f"/api/interactions/{scribe.ask().id}/answer"
    answered = post(api, path, **body)
    assert answered.status_code == 200
    InteractionDetail.model_validate(answered.json())
    assert (answered.json()["decision"], answered.json()["answer"]) == (decision, answer)
    assert answered.json()["answered_by"] == "alice"


def test_the_second_answer_is_told_the_first(api: Client, scribe: Scribe) -> None:
    path = f"/api/interactions/{scribe.ask().id}/answer"
    post(api, path, value=True)
    late = post(api, path, value=False)
    assert late.status_code == 409
    error = late.json()["error"]
    assert (error["code"], error["message"]) == ("already_resolved", "alice answered this first: approve.")
    assert error["details"]["interaction"]["decision"] == "approve"


def test_the_same_answer_again_is_no_conflict(api: Client, scribe: Scribe) -> None:
    path = f"/api/interactions/{scribe.ask().id}/answer"
    first = post(api, path, value=True, cmd_id="yes")
    assert post(api, path, value=True, cmd_id="yes").json() == first.json()


def test_an_answer_after_the_deadline_is_too_late(api: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    Interaction.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    late = post(api, f"/api/interactions/{question.id}/answer", value=True)
    assert late.status_code == 409
    assert late.json()["error"]["message"] == "The time for this answer was up."
    question.refresh_from_db()
    assert question.status == "expired"


@pytest.mark.parametrize(
    "body", [{}, {"value": True, "decision": "approve"}, {"value": "yes"}, {"decision": "bless"}, {"decision": "edit"}]
)
def test_an_answer_that_cannot_be_taken(api: Client, scribe: Scribe, body: dict[str, Any]) -> None:
    question = scribe.ask()
    answer = post(api, f"/api/interactions/{question.id}/answer", **body)
    assert answer.status_code == 400
    question.refresh_from_db()
    assert question.status == "pending"


def test_a_form_names_the_fields_that_are_wrong(api: Client, scribe: Scribe) -> None:
    path = f"/api/interactions/{scribe.ask_form().id}/answer"
    wrong = post(api, path, values={"nights": "two", "stars": 5})
    assert wrong.status_code == 400
    assert set(wrong.json()["error"]["details"]["fields"]) == {"city", "nights", "stars"}
    right = post(api, path, values={"city": "Lisbon", "nights": 3})
    assert right.json()["answer"] == {"values": {"city": "Lisbon", "nights": 3}}


def test_a_form_is_declined(api: Client, scribe: Scribe) -> None:
    path = f"/api/interactions/{scribe.ask_form().id}/answer"
    assert post(api, path, decision="decline", reason="Not now").json()["decision"] == "decline"


def test_what_was_allowed_for_the_session_is_listed_and_revoked(api: Client, bobs: Client, scribe: Scribe) -> None:
    question = scribe.ask(grantable=True)
    assert post(api, f"/api/interactions/{question.id}/answer", value=True, scope="session").status_code == 200
    rows = api.get("/api/permissions").json()["results"]
    assert [(row["tool"], row["session_id"]) for row in rows] == [("shell", str(scribe.session.id))]
    path = f"/api/permissions/{rows[0]['id']}"
    assert bobs.get("/api/permissions").json() == {"results": []}
    assert bobs.delete(path).status_code == 404
    assert api.delete(path).status_code == 204
    assert api.get("/api/permissions").json() == {"results": []}
    assert ToolPermission.objects.get().revoked_at is not None
    assert api.delete(path).status_code == 404
