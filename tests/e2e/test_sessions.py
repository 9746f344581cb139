"""Sessions are found, named and deleted."""

import re

from playwright.sync_api import expect

from tests.e2e.chat import SESSION
from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage

MENU = re.compile("^Rename, ")


def test_a_session_is_found_by_what_was_said_named_and_deleted(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Think about <i>gondolas</i>")
    expect(alice.answer).to_contain_text("I have thought about <i>gondolas</i>")
    page = alice.page
    address = page.url
    page.get_by_role("link", name="New session").click()
    alice.begin("Show markdown")
    expect(alice.answer.get_by_role("table")).to_be_visible()
    alice.ready()

    listed = page.get_by_role("navigation", name="Your sessions").get_by_role("link")
    page.get_by_role("searchbox", name="Search sessions").fill("I have thought about <i>gondolas")
    expect(listed).to_have_text(["Think about <i>gondolas</i>"])
    listed.click()
    expect(page).to_have_url(address)
    page.get_by_role("button", name=MENU).click()
    page.get_by_label("Name of this session").fill("Boats & canals")
    alice.press("Rename")
    expect(page.get_by_role("heading", level=1)).to_have_text("Boats & canals")
    expect(page).to_have_title("Boats & canals · agentsite")
    expect(listed.filter(has_text="Boats & canals")).to_have_count(1)

    stage.allow("status of 404")
    other = alice.tab()
    page.get_by_role("button", name=MENU).click()
    page.locator("summary", has_text="Delete this session").click()
    alice.press("Delete for ever")
    expect(page).to_have_url(SESSION)
    expect(listed.filter(has_text="Boats & canals")).to_have_count(0)
    other.say("Are you there?")
    expect(other.page.get_by_role("alert")).to_contain_text("Not found.")
    expect(other.field).to_have_value("Are you there?")
    response = page.goto(address)
    assert response is not None
    assert response.status == 404
