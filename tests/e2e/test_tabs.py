"""Several tabs of one person, and a second person: one truth, seen by its owner alone."""

import time

from playwright.sync_api import Response, expect

from tests.e2e.chat import Chat
from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage

PRESS_AT = """([name, at]) => {
  const button = [...document.querySelectorAll("[data-question] button")].find((one) => one.value === name);
  setTimeout(() => button.click(), at - Date.now());
}"""


def is_answer(response: Response) -> bool:
    """Whether the site answers a decision."""
    return "/questions/" in response.url


def test_two_tabs_answer_at_once_and_one_of_them_counts(stage: Stage, rehearsal: ServedSite) -> None:
    first = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Run `echo done`")
    second = first.tab()
    tabs = first, second
    for tab in tabs:
        expect(tab.questions).to_be_visible()
    stage.allow("status of 409")
    at = time.time() * 1000 + 1_500
    with first.page.expect_response(is_answer) as one, second.page.expect_response(is_answer) as other:
        first.page.evaluate(PRESS_AT, ["approve", at])
        second.page.evaluate(PRESS_AT, ["reject", at])
    assert sorted([one.value.status, other.value.status]) == [200, 409]
    for tab in tabs:
        expect(tab.receipts).to_have_count(1)
        expect(tab.questions).to_have_count(0)
        tab.ready()
    shown = first.receipts.inner_text()
    assert shown.startswith(("Approved by alice", "Rejected by alice"))
    expect(second.receipts).to_have_text(shown, use_inner_text=True)
    done = "Done" if shown.startswith("Approved") else "Not allowed"
    for tab in tabs:
        expect(tab.steps).to_have_count(1)
        expect(tab.steps).to_contain_text(done)


def test_a_message_of_one_tab_stands_in_the_other(stage: Stage, rehearsal: ServedSite) -> None:
    first = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Write hello to notes.txt, then read it")
    second = first.tab()
    expect(first.answer).to_contain_text("From notes.txt")
    first.ready()
    second.say("Edit notes.txt: replace hello with good morning")
    for tab in (first, second):
        expect(tab.said).to_have_count(2)
        expect(tab.steps).to_have_count(3)
        tab.ready()
        diff = tab.steps.last
        diff.locator("summary").click()
        expect(diff.get_by_role("group", name="Changes")).to_contain_text("+good morning")


def test_bob_sees_nothing_of_alice(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Think about marmalade")
    expect(alice.answer).to_contain_text("I have thought about marmalade")
    stage.allow("status of 404")
    bob = stage.enter(f"{rehearsal.url}/sessions/?q=marmalade", "bob")
    expect(bob.page.get_by_text("No session found.")).to_be_visible()

    def seen(url: str) -> tuple[int, str]:
        response = bob.page.goto(url)
        assert response is not None
        return response.status, bob.page.locator("main p").first.inner_text()

    strange = seen(alice.page.url)
    nowhere = seen(f"{rehearsal.url}/chat/01a1fc4f-d852-7a9d-8a67-8bfb62a96406/")
    assert strange == nowhere
    assert strange[0] == 404
    assert closed_with(bob, alice.page.url) == 4404


def closed_with(tab: Chat, session_url: str) -> int:
    """How a session's socket is closed for whoever opens it from this tab."""
    address = session_url.replace("http:", "ws:").replace("/chat/", "/ws/chat/")
    opened = "(url) => new Promise((tell) => (new WebSocket(url).onclose = ({ code }) => tell(code)))"
    code: int = tab.page.evaluate(opened, address)
    return code
