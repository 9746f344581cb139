"""What an operator reads on the page of a session, a run and a question, and on the start page."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents_app.models import Engine
from agentsite.access.models import User
from agentsite.core.middleware import content_security_policy
from sessions_app.models import Event, Interaction, Run, Step
from tests.support.scribe import Scribe

START = "/admin/"


def page_of(row: Run | Interaction | Step | Event) -> str:
    return f"/admin/sessions_app/{row._meta.model_name}/{row.pk}/change/"


def read(client: Client, page: str) -> str:
    response = client.get(page)
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_run_shows_what_it_did(desk: Client, scribe: Scribe) -> None:
    scribe.start_message()
    scribe.say("Let me look.")
    scribe.end_message()
    scribe.run_tool("a file\n")
    question = scribe.ask()
    run = Run.objects.get()
    page = read(desk, page_of(run))
    assert f"/admin/sessions_app/session/{scribe.session.id}/change/" in page
    for words in ("Steps", "shell", "Succeeded", "a file", "Questions", "Run ls?", "Journal", "run.started"):
        assert words in page
    for row in (*Step.objects.all(), question):
        assert page_of(row) in page
    assert "message.delta" not in page
    listed = re.search(r'href="(/admin/sessions_app/event/\?[^"]+)"', page)
    assert listed is not None
    assert "message.delta" in read(desk, listed[1].replace("&amp;", "&"))


def test_a_run_page_costs_the_same_however_long_the_run(desk: Client, scribe: Scribe) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            read(desk, page_of(Run.objects.get()))
        return len(queries)

    for _ in range(2):
        scribe.run_tool("a file\n")
    cost()
    few = cost()
    for _ in range(20):
        scribe.run_tool("a file\n")
    assert cost() == few


def test_what_was_delegated_is_led_to(desk: Client, scribe: Scribe) -> None:
    child = scribe.delegate()
    parent = read(desk, page_of(Run.objects.get(parent=None)))
    assert "Delegated" in parent
    assert page_of(Run.objects.get(id=child.held.run_id)) in parent


def test_a_session_shows_its_runs_questions_and_messages(desk: Client, scribe: Scribe) -> None:
    scribe.start_message()
    scribe.say("Let me look.")
    scribe.end_message()
    question = scribe.ask()
    page = read(desk, f"/admin/sessions_app/session/{scribe.session.id}/change/")
    for words in ("Let me look.", "Run ls?", "Waiting", page_of(question), page_of(Run.objects.get())):
        assert words in page


def test_a_step_and_an_event_are_read_whole(desk: Client, scribe: Scribe) -> None:
    step = scribe.run_tool("a file\n")
    assert "a file" in read(desk, page_of(step))
    event = Event.objects.filter(type="step.succeeded").get()
    assert "call-1" in read(desk, page_of(event))


def test_what_could_mislead_the_eye_is_made_visible(desk: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    Interaction.objects.filter(id=question.id).update(arguments={"command": "ls \u202e<script>alert(1)</script>"})
    page = read(desk, page_of(question))
    assert "\u202e" not in page
    assert r"\u202e&lt;script&gt;" in page


def test_what_is_not_there_leads_back(desk: Client, scribe: Scribe) -> None:
    for name in ("session", "run", "interaction"):
        assert desk.get(f"/admin/sessions_app/{name}/{scribe.session.owner_id}/change/").status_code == 302


def test_the_start_page_leads_to_what_needs_a_person(desk: Client, scribe: Scribe, bob: User) -> None:
    question = scribe.ask()
    broken = Scribe.begin(bob)
    broken.fail()
    long_ago = Scribe.begin(bob)
    long_ago.fail()
    Run.objects.filter(id=long_ago.held.run_id).update(ended_at=timezone.now() - timedelta(days=2))
    Engine.objects.all().delete()
    off = Engine.objects.create(name="The old one", model="m", enabled=False)
    page = read(desk, START)
    assert "Waiting questions: 1" in page
    assert page_of(question) in page
    assert "failed in the last day: 1" in page
    assert page_of(Run.objects.get(id=broken.held.run_id)) in page
    assert page_of(Run.objects.get(id=long_ago.held.run_id)) not in page
    assert f"/admin/agents_app/engine/{off.pk}/change/" in page
    assert "No engine is switched on" in page


def test_the_start_page_is_at_rest_when_nothing_happens(desk: Client) -> None:
    Engine.objects.all().delete()
    Engine.objects.create(name="On", model="m", is_default=True)
    page = read(desk, START)
    assert "no question is open" in page
    assert "Waiting questions" not in page


def test_staff_without_rights_are_shown_no_questions(scribe: Scribe, bob: User) -> None:
    scribe.ask()
    bob.is_staff = True
    bob.save()
    client = Client()
    client.force_login(bob)
    page = read(client, START)
    assert "Needs a person" not in page
    assert "Run ls?" not in page


@pytest.mark.parametrize("page", ["start", "list", "run", "question", "answer"])
def test_the_pages_hold_under_the_policy(desk: Client, scribe: Scribe, page: str) -> None:
    """Nothing inline, nothing from elsewhere: the policy would stop it."""
    question = scribe.ask()
    if page == "answer":
        choice = {"action": "answer_questions", "_selected_action": [str(question.pk)]}
        response = desk.post("/admin/sessions_app/interaction/", choice)
    else:
        where = {
            "start": START,
            "list": "/admin/sessions_app/run/",
            "run": page_of(Run.objects.get()),
            "question": page_of(question),
        }
        response = desk.get(where[page])
    text = response.content.decode()
    assert response["Content-Security-Policy"].split(";")[0] == content_security_policy("").split(";")[0]
    assert not re.findall(r"<script(?![^>]*\bsrc=)[^>]*>\s*\S", text)
    assert not re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text)
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', text)
    assert "css/tokens.css" in text
    assert "css/admin.css" in text
