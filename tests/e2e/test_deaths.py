"""The server dies and is started again on the same data: the page comes back by itself, and nothing is done twice."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.e2e.served import ServedSite, model_variables
from tests.e2e.stage import Stage
from tests.support.model_server import ModelServer, calls, text

WORDS = " ".join(f"word-{number}" for number in range(1, 151))
SHELL = "Run a command in this session's workspace"
NO_NETWORK = ("net::ERR_", "Failed to fetch")


@pytest.fixture(scope="module")
def mortal(new_site: Callable[..., ServedSite], model_port: int) -> Iterator[ServedSite]:
    """A site that these stories kill."""
    with new_site(**model_variables(model_port)) as site:
        yield site
    assert site.trouble == []


def test_killed_in_the_middle_of_an_answer(stage: Stage, mortal: ServedSite, model: ModelServer) -> None:
    model.script(text(WORDS, tokens_per_second=30), text(WORDS, tokens_per_second=200))
    stage.allow(*NO_NETWORK)
    alice = stage.enter(f"{mortal.url}/chat/", "alice").begin("Write on")
    expect(alice.answer).to_contain_text("word-20 ")
    mortal.kill()
    expect(alice.page.get_by_text("Reconnecting…")).to_be_visible()
    expect(alice.answer).to_contain_text("word-20 ")
    mortal.start()
    expect(alice.answer.locator(".prose")).to_have_text(WORDS)
    alice.ready()
    expect(alice.page.get_by_text("Reconnecting…")).to_be_hidden()
    answers = alice.page.locator("article.agent:visible")
    expect(answers).to_have_count(1)
    alice.page.reload()
    expect(answers).to_have_count(1)
    expect(alice.answer.locator(".prose")).to_have_text(WORDS)
    assert len(model.requests) == 2


def test_killed_in_the_middle_of_an_approved_command(stage: Stage, mortal: ServedSite, model: ModelServer) -> None:
    command = "echo begun >> times.txt; cat times.txt; sleep 30"
    model.script(calls(("shell", {"command": command})))
    model.script(calls(("read_file", {"path": "times.txt"})), text("I go on."))
    stage.allow(*NO_NETWORK)
    alice = stage.enter(f"{mortal.url}/chat/", "alice").begin("Wait a little")
    alice.question(SHELL).get_by_role("button", name="Approve", exact=True).click()
    alice.steps.locator("summary").click()
    expect(alice.steps.get_by_label("Output")).to_have_text("begun")
    mortal.kill()
    mortal.start()
    question = alice.page.locator("[data-question].recovery")
    expect(question).to_contain_text(command)
    expect(alice.state).to_have_text("Waiting for you")
    question.get_by_label("If it happened, what did it give?").fill("It said begun")
    question.get_by_role("button", name="It happened").click()
    expect(alice.receipts.last).to_contain_text("alice says that it happened")
    expect(alice.answer).to_contain_text("I go on.")
    alice.ready()
    told = [message["content"] for message in model.requests[-1]["messages"] if message["role"] == "tool"]
    assert "It said begun" in told[0]
    assert told[1].split() == ["begun"]  # it ran once


def test_a_question_outlives_a_restart(stage: Stage, mortal: ServedSite, model: ModelServer) -> None:
    model.script(calls(("shell", {"command": "echo after all"})), text("It is done."))
    stage.allow(*NO_NETWORK)
    alice = stage.enter(f"{mortal.url}/chat/", "alice").begin("Do it later")
    card = alice.question(SHELL)
    expect(card).to_contain_text("echo after all")
    mortal.stop()
    mortal.start()
    expect(alice.page.get_by_text("Reconnecting…")).to_be_hidden()
    card.get_by_role("button", name="Approve", exact=True).click()
    expect(alice.answer).to_contain_text("It is done.")
    expect(alice.steps).to_contain_text("Done")
    alice.ready()
