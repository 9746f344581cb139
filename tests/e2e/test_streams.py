"""An answer of 5,000 tokens, reloaded in the middle again and again: never a wrong character, in any tab."""

import json
import random

from playwright.sync_api import expect

from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage
from tests.support.model_server import ModelServer, text

TOKENS, TOKENS_PER_SECOND, RELOADS = 5_000, 280, 30
TRUTH = " ".join(f"word-{number}" for number in range(1, TOKENS + 1))
# Looks at every change of the page: what is shown is always the beginning of the truth, and never less than before.
WATCH = """(() => {
  const truth = TRUTH;
  window.wrong = [];
  window.shown = 0;
  new MutationObserver(() => {
    const text = document.querySelector(".streaming-text, article.agent .prose")?.textContent.trim();
    if (text === undefined) return;
    if (!truth.startsWith(text)) wrong.push(`not the truth: …${text.slice(-80)}`);
    if (text.length < shown) wrong.push(`${text.length} characters after ${shown}`);
    shown = text.length;
  }).observe(document, { childList: true, subtree: true, characterData: true });
})()"""
HAS = "length => shown >= length"
STREAMS = "!document.querySelector('article.agent .prose')"


def test_the_text_is_always_the_beginning_of_the_truth(stage: Stage, scripted: ServedSite, model: ModelServer) -> None:
    model.script(text(TRUTH, tokens_per_second=TOKENS_PER_SECOND))
    script = WATCH.replace("TRUTH", json.dumps(TRUTH))
    reloading = stage.enter(f"{scripted.url}/chat/", "alice", script=script).begin("Count")
    tabs = [reloading.tab(), reloading.tab(), reloading]
    wrong: list[str] = []
    in_the_middle = 0
    for instant in sorted(random.Random(20261121).sample(range(len(TRUTH) * 9 // 10), RELOADS)):
        reloading.page.wait_for_function(HAS, arg=instant)
        in_the_middle += reloading.page.evaluate(STREAMS)
        wrong += reloading.page.evaluate("wrong")
        reloading.page.reload(wait_until="domcontentloaded")
    for tab in tabs:
        expect(tab.answer.locator(".prose")).to_be_visible(timeout=60_000)
        assert tab.page.evaluate("wrong") + wrong == []
        assert tab.answer.locator(".prose").inner_text().strip() == TRUTH
        tab.ready()
    assert in_the_middle == RELOADS
    reloading.page.reload()
    assert reloading.answer.locator(".prose").inner_text().strip() == TRUTH


def test_what_a_model_writes_cannot_harm(stage: Stage, scripted: ServedSite, model: ModelServer) -> None:
    model.script(
        text(
            "Look: ![a picture](http://pictures.example/?all) <img src=http://pictures.example/x onerror=alert(1)> "
            "<script>document.title = 'taken'</script> [here](javascript:alert(1)) and [there](https://example.com/)"
        )
    )
    alice = stage.enter(f"{scripted.url}/chat/", "alice").begin("Show me")
    alice.ready()
    expect(alice.answer).to_contain_text("a picture (picture from pictures.example, not loaded)")
    expect(alice.answer).to_contain_text("<script>document.title = 'taken'</script>")
    expect(alice.answer.get_by_role("link")).to_have_count(1)
    expect(alice.answer.get_by_role("link")).to_have_attribute("rel", "noopener noreferrer nofollow")
    expect(alice.answer.get_by_role("img")).to_have_count(0)
    expect(alice.page).to_have_title("Show me · agentsite")
