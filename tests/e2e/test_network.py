"""The network goes away: the page says so, keeps what is typed, and has everything when it is back."""

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.cable import Cable
from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage
from tests.support.model_server import ModelServer, text

OFFLINE_SECONDS = 20
NO_NETWORK = ("net::ERR_", "Failed to fetch")
WORDS = " ".join(f"word-{number}" for number in range(1, 201))


@pytest.fixture
def cable(scripted: ServedSite) -> Iterator[Cable]:
    """Alice's line to the site."""
    with Cable(scripted.port) as line:
        yield line


def test_offline_for_twenty_seconds(stage: Stage, cable: Cable, model: ModelServer) -> None:
    model.script(text(WORDS, tokens_per_second=20), text("You are back."))
    stage.allow(*NO_NETWORK)
    alice = stage.enter(f"{cable.url}/chat/", "alice").begin("Write slowly")
    expect(alice.answer).to_contain_text("word-5 ")
    cable.cut()
    alice.page.context.set_offline(True)
    gone_at = time.monotonic()
    expect(alice.page.get_by_text("Reconnecting…")).to_be_visible()
    alice.say("Are you there?")
    expect(alice.page.get_by_text("The site could not be reached.")).to_be_visible()
    expect(alice.field).to_have_value("Are you there?")
    assert "word-200" not in alice.answer.inner_text()
    alice.page.wait_for_timeout((OFFLINE_SECONDS - (time.monotonic() - gone_at)) * 1000)
    cable.mend()
    alice.page.context.set_offline(False)
    expect(alice.answer.locator(".prose")).to_have_text(WORDS)
    expect(alice.page.get_by_text("Reconnecting…")).to_be_hidden()
    expect(alice.field).to_have_value("Are you there?")
    alice.field.press("Enter")
    expect(alice.answer).to_contain_text("You are back.")
    alice.ready()
    expect(alice.said).to_have_text(["Write slowly", "Are you there?"])
    expect(alice.field).to_have_value("")


def test_a_message_whose_answer_was_lost_on_the_way_is_sent_once(
    stage: Stage, cable: Cable, model: ModelServer
) -> None:
    stage.allow(*NO_NETWORK)
    alice = stage.enter(f"{cable.url}/chat/", "alice").begin("Hello")
    alice.ready()
    cable.lose_answers_to("POST /chat/")
    alice.say("Only once, please")
    expect(alice.page.get_by_text("The site could not be reached.")).to_be_visible()
    expect(alice.said).to_have_count(2)
    cable.mend()
    alice.field.press("Enter")
    expect(alice.field).to_have_value("")
    alice.ready()
    expect(alice.said).to_have_text(["Hello", "Only once, please"])
    assert len(model.requests) == 2
    alice.page.reload()
    expect(alice.said).to_have_text(["Hello", "Only once, please"])
