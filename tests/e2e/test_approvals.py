"""Nothing dangerous happens without a yes: every decision that a card offers, in the browser."""

from playwright.sync_api import expect

from tests.e2e.chat import Chat
from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage

PYTHON = "Run Python code in this session's workspace"
SHELL = "Run a command in this session's workspace"


def alice_says(stage: Stage, site: ServedSite, text: str) -> Chat:
    """Alice begins a session."""
    return stage.enter(f"{site.url}/chat/", "alice").begin(text)


def test_a_question_is_asked_approved_and_answered_and_a_reload_shows_the_same(
    stage: Stage, rehearsal: ServedSite
) -> None:
    alice = alice_says(stage, rehearsal, "what is 17% of 2,340? use python")
    card = alice.question(PYTHON)
    expect(card).to_contain_text("17 / 100 * 2340")
    expect(card).to_contain_text("Medium risk")
    expect(alice.state).to_have_text("Waiting for you")
    expect(alice.page).to_have_title("(1) what is 17% of 2,340? use python · agentsite")
    card.get_by_role("button", name="Approve", exact=True).click()
    expect(alice.answer).to_contain_text("17 / 100 * 2340 = 397.8")
    alice.ready()
    expect(alice.receipts).to_have_count(1)
    expect(alice.receipts).to_contain_text("Approved by alice")
    expect(alice.steps).to_contain_text("Done")
    expect(alice.page).to_have_title("what is 17% of 2,340? use python · agentsite")
    before = alice.items.all_inner_texts()
    assert len(before) > 3  # what was said, the call, the receipt, the answer
    alice.page.reload()
    expect(alice.items).to_have_text(before, use_inner_text=True)


def test_what_runs_is_what_was_edited(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Run `echo first`")
    card = alice.question(SHELL)
    expect(card).to_contain_text("High risk")
    card.locator("summary", has_text="Edit").click()
    command = card.get_by_role("textbox", name="Command")
    command.fill("")
    stage.allow("status of 400")
    card.get_by_role("button", name="Approve as edited").click()
    expect(card.get_by_text("Some arguments do not fit this tool.")).to_be_visible()
    expect(command).to_have_attribute("aria-invalid", "true")
    command.fill("echo second $((40 + 2))")
    card.get_by_role("button", name="Approve as edited").click()
    expect(alice.receipts).to_contain_text("Approved by alice with edits")
    expect(alice.answer).to_contain_text("second 42")
    expect(alice.steps).to_contain_text("echo second")


def test_a_rejection_tells_the_agent_why_and_runs_nothing(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Run `touch made.txt`")
    card = alice.question(SHELL)
    card.locator("summary", has_text="Reject").click()
    card.get_by_role("textbox", name="Reason for the agent").fill("Not on a Friday")
    card.get_by_role("button", name="Reject").click()
    expect(alice.receipts).to_contain_text("Rejected by alice")
    expect(alice.answer).to_contain_text("Not on a Friday")
    expect(alice.steps).to_contain_text("Not allowed")
    alice.ready()
    alice.say("List files")
    expect(alice.answer).to_contain_text("From the workspace")
    expect(alice.answer).not_to_contain_text("made.txt")


def test_a_response_stands_in_the_place_of_the_tool(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Run `cat /proc/loadavg`")
    card = alice.question(SHELL)
    card.locator("summary", has_text="Respond").click()
    card.get_by_role("textbox", name="Answer the agent").fill("The machine is at rest")
    card.get_by_role("button", name="Send as the result").click()
    expect(alice.receipts).to_contain_text("Answered by alice in the tool’s place")
    expect(alice.answer).to_contain_text("The machine is at rest")


def test_allowed_for_this_session_asks_no_more_and_elsewhere_still(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Run `echo one`")
    alice.question(SHELL).get_by_role("button", name="Allow for this session").click()
    expect(alice.answer).to_contain_text("one")
    alice.ready()
    alice.say("Run `echo two` and `echo three`")
    expect(alice.answer).to_contain_text("three")
    expect(alice.receipts).to_have_count(1)
    alice.page.get_by_role("link", name="New session").click()
    alice.begin("Run `echo four`")
    expect(alice.question(SHELL)).to_contain_text("echo four")
