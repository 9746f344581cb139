"""A run from the outside: stopped in the middle, with messages that wait behind it, failed and taken up again."""

import time

from playwright.sync_api import expect

from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage
from tests.support.model_server import ModelServer, error_frame, text

WORDS = " ".join(f"word-{number}" for number in range(1, 2_001))


def test_stop_from_another_tab_ends_the_request_within_a_second(
    stage: Stage, scripted: ServedSite, model: ModelServer
) -> None:
    model.script(text(WORDS, tokens_per_second=50))
    writing = stage.enter(f"{scripted.url}/chat/", "alice").begin("Write a lot")
    stopping = writing.tab()
    expect(stopping.answer).to_contain_text("word-20 ")
    pressed_at = time.monotonic()
    stopping.press("Stop")
    assert model.wait_closed_early().at - pressed_at < 1
    for tab in (writing, stopping):
        expect(tab.answer).to_contain_text("The answer ends here. What came is kept.")
        expect(tab.page.get_by_role("region", name="How the run ended")).to_contain_text("Stopped by the person.")
        tab.ready()
        expect(tab.page.get_by_role("button", name="Stop")).to_have_count(0)
    kept = writing.answer.locator(".prose").inner_text().strip()
    assert kept.startswith("word-1 word-2 ")
    assert WORDS.startswith(kept)
    assert len(kept) >= len("word-00 ") * 20
    for tab in (writing, stopping):
        tab.page.reload()
        expect(tab.answer.locator(".prose")).to_have_text(kept)


def test_messages_wait_behind_a_run_and_can_be_changed_or_taken_back(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Run `echo one`")
    expect(alice.questions).to_be_visible()
    queue = alice.page.locator("#queue > .chip")
    alice.say("Think about rain")
    expect(queue).to_have_count(1)
    alice.say("Think about snow")
    expect(queue).to_have_count(2)
    expect(alice.said).to_have_count(1)

    queue.filter(has_text="rain").locator("summary").click()
    queue.filter(has_text="rain").get_by_role("textbox", name="Queued message").fill("Think about boats")
    queue.filter(has_text="rain").get_by_role("button", name="Save").click()
    expect(queue.locator("summary", has_text="boats")).to_be_visible()
    queue.filter(has_text="snow").locator("summary").click()
    queue.filter(has_text="snow").get_by_role("button", name="Withdraw").click()
    expect(queue).to_have_count(1)

    alice.questions.get_by_role("button", name="Approve", exact=True).click()
    expect(alice.answer).to_contain_text("I have thought about boats")
    alice.ready()
    expect(queue).to_have_count(0)
    expect(alice.said).to_have_text(["Run `echo one`", "Think about snow", "Think about boats"])
    expect(alice.page.get_by_text("Withdrawn before the agent began")).to_have_count(1)
    alice.page.reload()
    expect(alice.said).to_have_text(["Run `echo one`", "Think about snow", "Think about boats"])


def test_sending_instead_of_answering_declines_the_question(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Run `echo one`")
    expect(alice.questions).to_be_visible()
    alice.field.fill("Think about lamps")
    alice.press("Decline and send")
    expect(alice.answer).to_contain_text("I have thought about lamps")
    alice.ready()
    expect(alice.questions).to_have_count(0)
    expect(alice.receipts).to_contain_text("Closed when the run was stopped")


def test_a_failure_says_what_to_do_and_retry_does_it(stage: Stage, scripted: ServedSite, model: ModelServer) -> None:
    model.script(error_frame(message="Traceback: secret path /srv/model"), text("All is well again."))
    alice = stage.enter(f"{scripted.url}/chat/", "alice").begin("Speak")
    ending = alice.page.get_by_role("region", name="How the run ended")
    expect(ending).to_contain_text("The model's provider had an error. Try again.")
    expect(ending).to_contain_text("engine_error")
    assert "/srv/model" not in alice.page.content()
    ending.get_by_role("button", name="Retry").click()
    expect(alice.answer).to_contain_text("All is well again.")
    alice.ready()
    expect(alice.said).to_have_count(1)


def test_the_rehearsed_failures_fail_for_real(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Fail with an error")
    endings = alice.page.get_by_role("region", name="How the run ended")
    expect(endings).to_contain_text("The model's provider had an error. Try again.")
    endings.get_by_role("button", name="Retry").click()
    expect(endings).to_have_count(2)
    alice.ready()
    alice.say("Fail with a bad key")
    expect(endings.last).to_contain_text("An administrator has to set a valid one.")
