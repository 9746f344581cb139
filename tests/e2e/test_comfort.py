"""What makes the chat pleasant: copies, folded tools, colours, keys, the theme, and a tab that calls."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.chat import Chat
from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage

SHELL = "Run a command in this session's workspace"
CLIPBOARD = ["clipboard-read", "clipboard-write"]
HIDE = "Object.defineProperty(document, 'hidden', { get: () => window.away ?? false, configurable: true })"


def alice_says(stage: Stage, site: ServedSite, text: str, **options: Any) -> Chat:
    """Alice begins a session."""
    return stage.enter(f"{site.url}/chat/", "alice", **options).begin(text)


def copied(page: Page) -> str:
    """What the clipboard holds."""
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def test_code_and_answers_are_copied_as_they_were_written(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Show markdown", permissions=CLIPBOARD)
    alice.ready()
    block = alice.page.locator(".code").first
    block.get_by_role("button", name="Copy").click()
    expect(block.get_by_role("button", name="Copied")).to_be_visible()
    code = copied(alice.page)
    assert code in block.locator("code").inner_text()
    expect(block.get_by_role("button", name="Copy", exact=True)).to_be_visible()
    block.get_by_role("button", name="Wrap").click()
    expect(block.get_by_role("button", name="Wrap")).to_have_attribute("aria-pressed", "true")
    alice.press("Copy this answer")
    assert f"```\n{code}" in re.sub(r"```\w+", "```", copied(alice.page))


def test_thinking_is_one_line_and_never_copied(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Think about the weather", permissions=CLIPBOARD)
    alice.ready()
    thoughts = alice.answer.locator(".thoughts")
    expect(thoughts.locator("summary")).to_contain_text("Thought")
    expect(thoughts.locator("pre")).to_be_hidden()
    thoughts.locator("summary").click()
    thought = thoughts.locator("pre").inner_text()
    alice.press("Copy this answer")
    assert thought
    assert thought not in copied(alice.page)


def test_tools_in_a_row_fold_into_one_line_and_stay_as_they_were_left(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Write hello to notes.txt, then read it, then list files")
    alice.ready()
    line, visible = alice.page.get_by_role("button", name="Used 3 tools"), alice.page.locator("details.step:visible")
    expect(line).to_have_attribute("aria-expanded", "false")
    expect(visible).to_have_count(0)
    line.click()
    expect(visible).to_have_count(3)
    alice.say("Hello")
    alice.ready()
    expect(line).to_have_attribute("aria-expanded", "true")
    line.click()
    expect(visible).to_have_count(0)
    alice.page.reload()
    expect(line).to_be_visible()
    expect(visible).to_have_count(0)


def test_a_commands_colours_are_shown(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, r"Run `printf '\033[32mgreen\033[0m and \033[2Jplain'`", permissions=CLIPBOARD)
    alice.question(SHELL).get_by_role("button", name="Approve", exact=True).click()
    alice.ready()
    alice.steps.last.locator("summary").click()
    expect(alice.steps.last.locator(".terminal .ansi-green")).to_have_text("green")
    expect(alice.steps.last.locator(".terminal")).to_have_text("green and ^[[2Jplain")
    alice.steps.last.get_by_role("button", name="Copy").click()
    assert copied(alice.page) == "green and ^[[2Jplain"


def test_keys_answer_the_only_question_and_escape_never_does(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Run `echo one`")
    card = alice.question(SHELL)
    expect(card).to_be_visible()
    card.locator("summary", has_text="Reject").click()
    alice.page.keyboard.press("Escape")
    expect(card.locator("details[open]")).to_have_count(0)
    expect(card).to_be_visible()
    alice.page.keyboard.press("Control+Alt+Enter")
    expect(alice.receipts).to_contain_text("Approved by alice")
    alice.ready()
    alice.say("Run `echo two`")
    expect(card).to_be_visible()
    alice.page.keyboard.press("Control+Alt+Backspace")
    expect(alice.receipts.last).to_contain_text("Rejected by alice")


def test_keys_show_a_question_that_is_out_of_sight_before_they_answer_it(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Write 900 words at 2000 a second")
    alice.ready()
    alice.say("Run `echo unseen`")
    card = alice.question(SHELL)
    expect(card).to_be_in_viewport()
    alice.page.locator("#content").evaluate("(scroller) => scroller.scrollTo({ top: 0, behavior: 'instant' })")
    expect(card).not_to_be_in_viewport()
    alice.page.keyboard.press("Control+Alt+Enter")
    expect(card).to_be_in_viewport()
    alice.page.keyboard.press("Control+Alt+Enter")
    expect(alice.receipts).to_contain_text("Approved by alice")


def test_the_keyboard_leads_everywhere(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Hello there")
    alice.ready()
    keyboard = alice.page.keyboard
    alice.field.press("ArrowUp")
    expect(alice.field).to_have_value("Hello there")
    keyboard.press("Control+k")
    expect(alice.page.locator("#search")).to_be_focused()
    keyboard.press("Shift+Escape")
    expect(alice.field).to_be_focused()
    keyboard.press("Control+/")
    expect(alice.page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    keyboard.press("Escape")
    expect(alice.page.get_by_role("dialog", name="Keyboard")).to_be_hidden()
    alice.press("Keyboard shortcuts")
    alice.press("Close")
    keyboard.press("Control+Shift+O")
    alice.page.wait_for_url(f"{rehearsal.url}/chat/")


def test_a_theme_holds_from_the_first_paint(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice", color_scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = alice.page.evaluate(ground)
    alice.press("alice")
    with alice.page.expect_response("**/theme/"):
        alice.press("Dark")
    expect(alice.page.locator("html")).to_have_attribute("data-theme", "dark")
    dark = alice.page.evaluate(ground)
    assert dark != light
    alice.page.reload()
    assert alice.page.evaluate(ground) == dark
    alice.press("alice")
    with alice.page.expect_response("**/theme/"):
        alice.press("System")
    expect(alice.page.locator("html")).not_to_have_attribute("data-theme", "dark")
    assert alice.page.evaluate(ground) == light


def test_a_tab_in_the_background_calls_when_the_agent_has_finished(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Run `echo x`", script=HIDE)
    icon = alice.page.locator('link[rel="icon"]')
    expect(alice.question(SHELL)).to_be_visible()
    expect(icon).to_have_attribute("href", re.compile("favicon-waiting"))
    alice.page.evaluate("window.away = true")
    alice.page.keyboard.press("Control+Alt+Enter")
    expect(alice.page).to_have_title("✓ Run `echo x` · agentsite")
    expect(icon).to_have_attribute("href", re.compile("favicon-finished"))
    alice.page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(alice.page).to_have_title("Run `echo x` · agentsite")
    expect(icon).to_have_attribute("href", re.compile(r"favicon(\.\w+)?\.svg"))


def test_near_the_limit_the_composer_counts(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice")
    count = alice.page.locator("#composer-count")
    alice.field.fill("x" * 1_000)
    expect(count).to_be_hidden()
    alice.field.fill("x" * 31_000)
    expect(count).to_have_text("1,000 characters left")


def test_a_session_is_taken_away_as_a_file(stage: Stage, rehearsal: ServedSite) -> None:
    alice = alice_says(stage, rehearsal, "Hello file")
    alice.ready()
    alice.press("Rename, export or delete this session")
    with alice.page.expect_download() as download:
        alice.page.get_by_role("link", name="Markdown", exact=True).click()
    assert download.value.suggested_filename == "hello-file.md"
    assert "## alice\n\nHello file" in download.value.path().read_text()
