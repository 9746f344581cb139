"""Alice takes a session with her as Markdown and as JSON; for Bob it does not exist."""

import json

import pytest
from django.test import Client

from sessions_app.models import Message
from sessions_app.rendering.export import file_name
from sessions_app.services.interactions import answer_interaction
from tests.support.scribe import Scribe

pytestmark = pytest.mark.django_db


def told(scribe: Scribe) -> None:
    """A session in which everything has happened that an export tells."""
    scribe.start_message()
    scribe.say("I look:\n\n```\nls\n```\n")
    scribe.end_message(reasoning="only for the agent")
    scribe.run_tool("a.txt with ``` in it\n")
    question = scribe.ask()
    answer_interaction(interaction_id=question.id, user=scribe.owner, decision="reject", reason="Not now")


def test_as_markdown(browser: Client, scribe: Scribe) -> None:
    told(scribe)
    response = browser.get(f"/chat/{scribe.session.id}/export.md")
    assert response.headers["Content-Type"] == "text/markdown; charset=utf-8"
    assert response.headers["Content-Disposition"] == 'attachment; filename="hello.md"'
    text = response.content.decode()
    assert text.startswith("# Hello\n\n")
    assert "## alice\n\nHello\n" in text
    assert "## Puppet\n\nI look:\n\n```\nls\n```\n" in text
    assert "**Run a command** (Done" in text
    assert "Result:\n\n````\na.txt with ``` in it\n````" in text
    assert "*Rejected by alice: “Not now”* Run ls?" in text
    assert "only for the agent" not in text


def test_as_json(browser: Client, scribe: Scribe) -> None:
    told(scribe)
    response = browser.get(f"/chat/{scribe.session.id}/export.json")
    assert response.headers["Content-Disposition"] == 'attachment; filename="hello.json"'
    found = json.loads(response.content)
    assert (found["format"], found["session"]["id"]) == (1, str(scribe.session.id))
    assert [row["role"] for row in found["messages"]] == ["user", "assistant"]
    assert found["interactions"][0]["decision"] == "reject"
    assert {row["kind"] for row in found["steps"]} == {"model", "tool"}


def test_all_of_a_long_session_is_there(browser: Client, scribe: Scribe) -> None:
    first = Message.objects.get()
    rows = [
        Message(
            session=scribe.session,
            role="user",
            status="completed",
            text=f"word {number}",
            position=10_000 + number,
            created_at=first.created_at,
        )
        for number in range(120)
    ]
    Message.objects.bulk_create(rows)
    found = json.loads(browser.get(f"/chat/{scribe.session.id}/export.json").content)
    assert len(found["messages"]) == 121


def test_nobody_else_gets_it(strange_browser: Client, client: Client, scribe: Scribe) -> None:
    for form in ("md", "json"):
        path = f"/chat/{scribe.session.id}/export.{form}"
        assert strange_browser.get(path).status_code == 404
        assert client.get(path).headers["Location"].startswith("/sign-in/")


def test_there_is_no_other_form(browser: Client, scribe: Scribe) -> None:
    assert browser.get(f"/chat/{scribe.session.id}/export.exe").status_code == 404


def test_the_page_leads_to_both(browser: Client, scribe: Scribe) -> None:
    page = browser.get(f"/chat/{scribe.session.id}/").content.decode()
    for form in ("md", "json"):
        assert f'href="/chat/{scribe.session.id}/export.{form}"' in page


@pytest.mark.parametrize(
    ("title", "name"),
    [("", "session.md"), ('a"b\r\nc/../d', "a-b-c-d.md"), ("Größe 😀", "gr-e.md"), ("x" * 99, f"{'x' * 60}.md")],
)
def test_its_name_suits_every_system(title: str, name: str) -> None:
    assert file_name(title, "md") == name
