"""Sessions, messages and events over REST."""

from typing import Any

import pytest
from django.test import Client

from agentsite.access.models import User
from sessions_app.api.documented import EventPage, MessagePage, SessionDetail
from sessions_app.models import Message, Session
from sessions_app.serializers import ListedSessionRow, MessageRow
from sessions_app.services.sessions import create_session
from tests.support.scribe import Scribe, idle_agent

pytestmark = pytest.mark.django_db


def test_an_empty_session(api: Client, alice: User) -> None:
    made = api.post("/api/sessions", {"title": " Figures  of October "}, content_type="application/json")
    assert made.status_code == 201
    SessionDetail.model_validate(made.json())
    row = Session.objects.get()
    assert (made.json()["id"], row.title, row.owner) == (str(row.id), "Figures of October", alice)
    assert api.get(f"/api/sessions/{row.id}").json() == made.json()


def test_a_session_is_made_once(api: Client) -> None:
    bodies = [api.post("/api/sessions", {"cmd_id": "s"}, content_type="application/json").json() for _ in range(2)]
    assert bodies[0] == bodies[1]
    assert Session.objects.count() == 1


def test_sessions_come_in_pages_the_latest_first(api: Client, alice: User) -> None:
    made = [create_session(owner=alice, title=f"Session {number}") for number in range(7)]
    found: list[str] = []
    path = "/api/sessions?limit=3"
    sizes = []
    while path:
        page = api.get(path).json()
        for row in page["results"]:
            ListedSessionRow.model_validate(row)
        found += [row["id"] for row in page["results"]]
        sizes.append(len(page["results"]))
        path = page["next"]
    assert found == [str(session.id) for session in reversed(made)]
    assert sizes == [3, 3, 1]
    assert api.get("/api/sessions?cursor=nonsense").status_code == 400


def test_a_list_says_what_runs_and_what_waits(api: Client, scribe: Scribe) -> None:
    def states() -> tuple[bool, bool]:
        row = api.get("/api/sessions").json()["results"][0]
        return row["is_running"], row["is_waiting"]

    assert states() == (True, False)
    scribe.ask()
    assert states() == (False, True)


def test_search_finds_titles_and_what_was_said(api: Client, scribe: Scribe) -> None:
    create_session(owner=scribe.owner, title="Figures of October")
    scribe.start_message()
    scribe.say("The zebra is striped.")
    scribe.end_message()
    titles = {
        word: [row["title"] for row in api.get("/api/sessions", {"query": word}).json()["results"]]
        for word in ("october", "ZEBRA", "unicorn")
    }
    assert titles == {"october": ["Figures of October"], "ZEBRA": ["Hello"], "unicorn": []}


def test_a_list_costs_the_same_for_many(api: Client, alice: User, django_assert_num_queries: Any) -> None:
    agent = idle_agent()
    api.get("/api/sessions")  # notes that the token is in use
    for _ in range(12):
        create_session(owner=alice, agent=agent)
    with django_assert_num_queries(2):
        assert len(api.get("/api/sessions").json()["results"]) == 12


def test_a_session_is_renamed_and_gets_another_agent(api: Client, scribe: Scribe) -> None:
    path = f"/api/sessions/{scribe.session.id}"
    create_session(owner=scribe.owner)
    assert api.patch(path, {"title": "New name"}, content_type="application/json").json()["title"] == "New name"
    assert api.patch(path, {"agent": "nobody"}, content_type="application/json").status_code == 400
    same = api.patch(path, {"agent": "puppet-nothing"}, content_type="application/json").json()
    assert (same["title"], same["agent"]) == ("New name", "puppet-nothing")
    assert api.patch(path, {"title": "a" * 201}, content_type="application/json").status_code == 400


def test_a_session_that_is_being_stopped_is_deleted_in_a_moment(api: Client, scribe: Scribe) -> None:
    path = f"/api/sessions/{scribe.session.id}"
    assert api.delete(path).status_code == 409
    scribe.finish()
    assert api.delete(path).status_code == 204
    assert api.get(path).status_code == 404
    assert not Message.objects.exists()


def test_messages_are_paged_back(api: Client, scribe: Scribe) -> None:
    for number in range(5):
        scribe.start_message()
        scribe.say(f"Answer {number}")
        scribe.end_message()
    path = f"/api/sessions/{scribe.session.id}/messages"
    last = api.get(path, {"limit": 4}).json()
    MessagePage.model_validate(last)
    assert [row["text"] for row in last["results"]] == [f"Answer {number}" for number in range(1, 5)]
    first = api.get(path, {"limit": 4, "before": last["before"]}).json()
    assert [row["text"] for row in first["results"]] == ["Hello", "Answer 0"]
    assert first["before"] is None


def test_events_are_read_from_a_seq_on(api: Client, scribe: Scribe) -> None:
    path = f"/api/sessions/{scribe.session.id}/events"
    scribe.session.refresh_from_db()
    seqs: list[int] = []
    after: int | None = 0
    while after is not None:
        page = api.get(path, {"after": after, "limit": 2}).json()
        EventPage.model_validate(page)
        seqs += [row["seq"] for row in page["results"]]
        after = page["next"]
    assert seqs == list(range(1, scribe.session.seq + 1))


def test_a_cursor_that_cannot_be_used_is_said_so(api: Client, scribe: Scribe) -> None:
    path = f"/api/sessions/{scribe.session.id}/events"
    Session.objects.update(min_seq=2)
    for after in (1, 999):
        answer = api.get(path, {"after": after})
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "cursor_unusable"
    assert api.get(path).status_code == 200


def test_a_message_that_waits_is_changed_and_taken_back(api: Client, scribe: Scribe) -> None:
    run = scribe.send("And then?")
    path = f"/api/messages/{run.prompt_id}"
    MessageRow.model_validate(api.get(path).json())
    changed = api.patch(path, {"text": "And after that?"}, content_type="application/json")
    assert changed.json()["text"] == "And after that?"
    assert api.patch(path, {"text": " "}, content_type="application/json").status_code == 400
    assert api.delete(path).json()["status"] == "withdrawn"
    assert api.delete(path).status_code == 409
    assert scribe.run is not None
    begun = f"/api/messages/{scribe.run.prompt_id}"
    assert api.patch(begun, {"text": "Hi"}, content_type="application/json").status_code == 409
