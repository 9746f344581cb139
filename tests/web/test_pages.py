"""What Alice does on the pages of her sessions, with and without scripts, and what Bob gets for the same."""

import re
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.http import HttpResponse
from django.test import Client

from agentsite.access.models import User
from sessions_app.models import Interaction, Message, Run, Session
from sessions_app.services.interactions import answer_interaction
from tests.support.scribe import Scribe, idle_agent

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def html_of(response: Any) -> str:
    """The body, readable."""
    return unescape(response.content.decode())


def post(client: Client, path: str, **data: str) -> HttpResponse:
    """A form sent by htmx."""
    response: HttpResponse = client.post(path, data, headers=HTMX)
    return response


def chat(scribe: Scribe, rest: str = "") -> str:
    """A path of the scribe's session."""
    return f"/chat/{scribe.session.id}/{rest}"


def test_home_leads_to_the_last_session_or_to_a_first_one(browser: Client, alice: User) -> None:
    assert browser.get("/").headers["Location"] == "/chat/"
    scribe = Scribe.begin(alice)
    assert browser.get("/").headers["Location"] == chat(scribe)


def test_a_first_message_makes_one_session_however_often_it_is_sent(browser: Client, alice: User) -> None:
    agent = idle_agent()
    page = html_of(browser.get("/chat/"))
    found = re.search(r'name="cmd_id" value="([^"]+)"', page)
    assert found is not None
    data = {"content": "What is\r\n17 * 23?", "cmd_id": found[1], "agent": agent.slug}
    places = {browser.post("/chat/", data).headers["Location"] for _ in range(2)}
    session = Session.objects.get(owner=alice)
    assert places == {f"/chat/{session.id}/"}
    assert [row.text for row in Message.objects.all()] == ["What is\n17 * 23?"]


def test_an_empty_first_message_is_refused_in_place(browser: Client) -> None:
    idle_agent()
    response = browser.post("/chat/", {"content": "  "})
    assert response.status_code == 400
    assert "Write a message first." in html_of(response)
    assert not Session.objects.exists()


def test_a_starter_sends_its_prompt(browser: Client) -> None:
    idle_agent()
    browser.post("/chat/", {"content": "", "starter": "List the files"})
    assert Message.objects.get().text == "List the files"


def test_the_page_shows_the_conversation_and_where_to_go_on(browser: Client, scribe: Scribe) -> None:
    scribe.start_message()
    scribe.say("**Good** morning")
    scribe.end_message()
    scribe.session.refresh_from_db()
    page = html_of(browser.get(chat(scribe)))
    assert f'data-seq="{scribe.session.seq}" data-socket="/ws/chat/{scribe.session.id}/"' in page
    assert '<p class="bubble">Hello</p>' in page
    assert "<strong>Good</strong> morning" in page
    assert "Working" in page


def test_sending_by_htmx_answers_with_the_place_for_problems(browser: Client, scribe: Scribe) -> None:
    response = post(browser, chat(scribe, "messages/"), content="More", cmd_id="one")
    assert response.status_code == 200
    assert '<div id="composer-problem"' in html_of(response)
    assert 'problem" role=' not in html_of(response)
    post(browser, chat(scribe, "messages/"), content="More", cmd_id="one")
    assert Message.objects.filter(text="More").count() == 1


@pytest.mark.parametrize(
    ("content", "sentence"), [(" ", "Write a message first."), ("x" * 32_001, "32,001 characters")]
)
def test_a_message_that_cannot_be_taken_is_said_where_it_was_typed(
    browser: Client, scribe: Scribe, content: str, sentence: str
) -> None:
    refused = post(browser, chat(scribe, "messages/"), content=content)
    assert (refused.status_code, sentence in html_of(refused)) == (400, True)
    plain = browser.post(chat(scribe, "messages/"), {"content": content, "cmd_id": "again"})
    assert plain.status_code == 400
    assert sentence in html_of(plain)
    assert content in html_of(plain)
    assert 'value="again"' in html_of(plain)


def test_a_body_over_the_limit_is_a_fragment_for_htmx(browser: Client, scribe: Scribe) -> None:
    response = post(browser, chat(scribe, "messages/"), content="x" * 1_100_000)
    assert response.status_code == 413
    assert response.headers["HX-Retarget"] == "#problems"
    assert "1 MiB" in html_of(response)
    assert "<html" not in html_of(response)


def test_interrupt_stops_what_is_on(browser: Client, scribe: Scribe) -> None:
    post(browser, chat(scribe, "messages/"), content="No, this", strategy="interrupt")
    assert Run.objects.get(id=scribe.held.run_id).status == "cancelling"


def test_without_scripts_a_message_leads_back_to_the_page(browser: Client, scribe: Scribe) -> None:
    response = browser.post(chat(scribe, "messages/"), {"content": "More"})
    assert response.headers["Location"] == chat(scribe)


def test_stop_ends_the_run_and_closes_its_question(browser: Client, scribe: Scribe) -> None:
    scribe.ask()
    assert post(browser, chat(scribe, "stop/")).status_code == 204
    assert Run.objects.get().status == "cancelled"
    page = html_of(browser.get(chat(scribe)))
    assert "Closed when the run was stopped" in page
    assert "Stopped by the person." in page


def test_a_queued_message_is_a_chip_that_can_be_changed_and_withdrawn(browser: Client, scribe: Scribe) -> None:
    queued = scribe.send("Then this").prompt
    assert queued is not None
    page = html_of(browser.get(chat(scribe)))
    assert f'id="queued-{queued.id}"' in page
    assert f'id="item-{queued.id}"' not in page
    assert post(browser, f"/messages/{queued.id}/", content="Then that").status_code == 204
    queued.refresh_from_db()
    assert queued.text == "Then that"
    post(browser, f"/messages/{queued.id}/", withdraw="yes")
    page = html_of(browser.get(chat(scribe)))
    assert f'id="queued-{queued.id}"' not in page
    assert "is-withdrawn" in page
    late = post(browser, f"/messages/{queued.id}/", content="Too late")
    assert (late.status_code, late.headers["HX-Retarget"]) == (409, "#problems")


def test_a_failed_run_says_why_and_can_be_taken_up_once(browser: Client, scribe: Scribe) -> None:
    scribe.fail()
    page = html_of(browser.get(chat(scribe)))
    assert "The engine did not answer in time." in page
    assert "Everything above is kept." in page
    assert 'value="retry"' in page
    path = f"/runs/{scribe.held.run_id}/"
    assert post(browser, path, action="retry").status_code == 204
    assert post(browser, path, action="retry").status_code == 409
    assert post(browser, path, action="continue").status_code == 409
    assert post(browser, path, action="dance").status_code == 400
    assert Run.objects.filter(retry_of=scribe.held.run_id).count() == 1


def test_rename_and_delete(browser: Client, scribe: Scribe) -> None:
    response = browser.post(chat(scribe, "rename/"), {"title": "Plans"})
    assert response.headers["Location"] == chat(scribe)
    assert "<h1>Plans</h1>" in html_of(browser.get(chat(scribe)))
    scribe.finish()
    assert browser.post(chat(scribe, "delete/")).headers["Location"] == "/"
    assert not Session.objects.exists()


def test_search_finds_titles_and_messages(browser: Client, scribe: Scribe) -> None:
    Scribe.begin(scribe.owner, "About tulips")
    found = html_of(browser.get("/sessions/?q=tulip", headers=HTMX))
    assert "About tulips" in found
    assert "Hello" not in found
    assert "<html" not in found
    assert "About tulips" in html_of(browser.get("/sessions/?q=tulip"))
    kept = browser.get(f"/sessions/?q=hello&current={scribe.session.id}", headers=HTMX)
    assert 'id="session-entry"' in html_of(kept)


def test_earlier_messages_come_by_page(browser: Client, scribe: Scribe) -> None:
    for number in range(101):
        scribe.start_message()
        scribe.say(f"line {number}.")
        scribe.end_message()
    page = html_of(browser.get(chat(scribe)))
    assert "line 0." not in page
    found = re.search(r'href="([^"]+\?before=\d+)"', page)
    assert found is not None
    earlier = html_of(browser.get(found[1], headers=HTMX))
    assert "Hello" in earlier
    assert "line 0." in earlier
    assert "<html" not in earlier
    whole = html_of(browser.get(found[1]))
    assert "Back to the latest" in whole
    assert "data-seq" not in whole


@pytest.mark.parametrize(
    ("data", "decision"),
    [
        ({"decision": "approve"}, "approve"),
        ({"decision": "approve_session"}, "approve"),
        ({"decision": "edit", "field-command": "ls -l\r\npwd"}, "edit"),
        ({"decision": "reject", "reason": "No"}, "reject"),
        ({"decision": "respond", "reason": "a.txt"}, "respond"),
    ],
)
def test_each_decision_leaves_a_receipt(browser: Client, scribe: Scribe, data: dict[str, str], decision: str) -> None:
    question = scribe.ask(grantable=True)
    response = post(browser, f"/questions/{question.id}/", **data)
    assert response.status_code == 200
    assert "receipt" in html_of(response)
    assert response.headers["HX-Retarget"] == f"#item-{question.id}"
    question.refresh_from_db()
    assert (question.status, question.decision) == ("answered", decision)
    if decision == "edit":
        assert question.answer == {"arguments": {"command": "ls -l\npwd"}}


def test_who_is_second_sees_the_answer_that_counts(browser: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    answer_interaction(interaction_id=question.id, user=scribe.owner, decision="reject", reason="")
    late = post(browser, f"/questions/{question.id}/", decision="approve")
    assert late.status_code == 409
    assert "Rejected by alice" in html_of(late)
    assert "alice answered this first: reject." in html_of(late)
    plain = browser.post(f"/questions/{question.id}/", {"decision": "approve"})
    assert plain.status_code == 409
    assert "alice answered this first: reject." in html_of(plain)


def test_a_form_keeps_what_was_typed_and_says_what_is_wrong_beside_it(browser: Client, scribe: Scribe) -> None:
    question = scribe.ask_form()
    sent = {
        "decision": "submit",
        "field-city": "",
        "field-nights": "two",
        "field-class": "first",
        "field-insured": "yes",
    }
    refused = post(browser, f"/questions/{question.id}/", **sent, **{"field-pin": "1234"})
    assert refused.status_code == 400
    page = html_of(refused)
    assert "This is needed." in page
    assert "This must be a whole number." in page
    assert 'value="two"' in page
    assert "<option selected>first</option>" in page
    assert re.search(r'name="field-insured"\s+value="yes" checked', page)
    assert "1234" not in page
    plain = browser.post(f"/questions/{question.id}/", sent)
    assert plain.status_code == 400
    assert "This is needed." in html_of(plain)


def test_a_form_gives_values_in_their_types(browser: Client, scribe: Scribe) -> None:
    question = scribe.ask_form()
    sent = {
        "decision": "submit",
        "field-city": "Lisbon",
        "field-nights": "3",
        "field-class": "second",
        "field-pin": "1234",
    }
    response = browser.post(f"/questions/{question.id}/", sent)
    assert response.headers["Location"] == chat(scribe)
    row = Interaction.objects.get()
    assert row.answer == {
        "values": {"city": "Lisbon", "nights": 3, "class": "second", "insured": False, "pin": "⟨secret:pin⟩"}
    }
    assert "1234" not in html_of(browser.get(chat(scribe)))


def test_a_form_can_be_declined(browser: Client, scribe: Scribe) -> None:
    question = scribe.ask_form()
    assert "Declined by alice" in html_of(post(browser, f"/questions/{question.id}/", decision="decline"))


@pytest.mark.parametrize("decision", ["happened", "run_again", "skip", "stop"])
def test_doubt_is_settled_by_a_person(browser: Client, scribe: Scribe, decision: str) -> None:
    question = scribe.doubt()
    page = html_of(browser.get(chat(scribe)))
    assert "May have taken effect" in page
    assert f'value="{decision}"' in page
    assert post(browser, f"/questions/{question.id}/", decision=decision, reason="It printed").status_code == 200
    question.refresh_from_db()
    assert question.decision == decision


def test_a_decision_that_is_not_offered_is_refused_on_the_card(browser: Client, scribe: Scribe) -> None:
    question = scribe.ask(grantable=False)
    refused = post(browser, f"/questions/{question.id}/", decision="approve_session")
    assert refused.status_code == 400
    assert "approve it once" in html_of(refused)
    assert 'value="approve"' in html_of(refused)


def paths_of(scribe: Scribe) -> list[tuple[str, str]]:
    """Every path that names something of Alice's."""
    question = scribe.ask()
    queued = scribe.send("Wait")
    session, message = scribe.session.id, queued.prompt_id
    return [
        ("get", f"/chat/{session}/"),
        ("get", f"/chat/{session}/?before=5"),
        *[("post", f"/chat/{session}/{rest}/") for rest in ("messages", "stop", "rename", "delete")],
        ("post", f"/messages/{message}/"),
        ("post", f"/runs/{queued.id}/"),
        ("post", f"/questions/{question.id}/"),
    ]


def without_request_id(response: Any) -> str:
    """A body without what differs from request to request."""
    return re.sub(r"Request [0-9a-f]{32}", "Request", response.content.decode())


def test_bob_gets_what_anybody_gets_for_what_does_not_exist(strange_browser: Client, scribe: Scribe) -> None:
    before = list(Session.objects.values()), list(Message.objects.values()), list(Interaction.objects.values())
    nothing = without_request_id(strange_browser.get(f"/chat/{uuid4()}/"))
    paths = paths_of(scribe)
    before = list(Session.objects.values()), list(Message.objects.values()), list(Interaction.objects.values())
    for method, path in paths:
        response = getattr(strange_browser, method)(path, {"content": "x", "title": "x", "decision": "approve"})
        assert response.status_code == 404, path
        assert without_request_id(response) == nothing, path
    assert before == (
        list(Session.objects.values()),
        list(Message.objects.values()),
        list(Interaction.objects.values()),
    )
    assert "Hello" not in html_of(strange_browser.get("/sessions/"))
    found = strange_browser.get(f"/sessions/?current={scribe.session.id}", headers=HTMX)
    assert found.status_code == 404


def test_whoever_is_signed_out_is_led_to_the_sign_in_page_and_back(client: Client, scribe: Scribe) -> None:
    page = client.get(chat(scribe))
    assert page.headers["Location"] == f"/sign-in/?next=%2Fchat%2F{scribe.session.id}%2F"
    here = {**HTMX, "HX-Current-URL": f"http://testserver{chat(scribe)}"}
    sent = client.post(chat(scribe, "messages/"), {"content": "x"}, headers=here)
    assert sent.headers["HX-Redirect"] == f"/sign-in/?next=%2Fchat%2F{scribe.session.id}%2F"
    assert Message.objects.count() == 1


def test_a_form_from_elsewhere_is_refused(alice: User, scribe: Scribe) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(chat(scribe, "messages/"), {"content": "x"}).status_code == 403
    page = html_of(client.get(chat(scribe)))
    token = re.search(r'hx-headers:inherited=\'\{"X-CSRFToken": "(\w+)"\}', page)
    assert token is not None
    sent = client.post(chat(scribe, "messages/"), {"content": "x"}, headers={**HTMX, "X-CSRFToken": token[1]})
    assert sent.status_code == 200
