"""A tab of the chat, in the words in which a person sees it."""

import re

from playwright.sync_api import Locator, Page, expect

SESSION = re.compile(r"/chat/[0-9a-f-]{36}/$")


class Chat:
    """One tab."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @property
    def field(self) -> Locator:
        """Where a message is written."""
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def answer(self) -> Locator:
        """The last answer, whole or still growing."""
        return self.page.locator("article.agent").last

    @property
    def said(self) -> Locator:
        """What the person said and the agent has begun with."""
        return self.page.get_by_role("article", name="You").locator(".bubble")

    @property
    def items(self) -> Locator:
        """Everything to be seen of the thread."""
        return self.page.locator("#items > .item:visible")

    @property
    def receipts(self) -> Locator:
        """What is left of questions that are settled."""
        return self.page.locator(".receipt-line")

    @property
    def steps(self) -> Locator:
        """The tool calls."""
        return self.page.locator("details.step")

    @property
    def questions(self) -> Locator:
        """The questions that are open."""
        return self.page.locator("[data-question]")

    @property
    def state(self) -> Locator:
        """The word in the header that says how things stand."""
        return self.page.locator(".pill")

    def question(self, title: str) -> Locator:
        """The card of an open question."""
        return self.page.get_by_role("region", name=title)

    def press(self, name: str) -> None:
        """Press a button of the page."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def say(self, text: str) -> None:
        """Write a message and press Enter."""
        self.field.fill(text)
        self.field.press("Enter")

    def begin(self, text: str) -> "Chat":
        """Say the first words of a new session, and be in it."""
        self.say(text)
        self.page.wait_for_url(SESSION)
        return self

    def tab(self) -> "Chat":
        """Another tab of the same person on the same page."""
        page = self.page.context.new_page()
        page.goto(self.page.url)
        return Chat(page)

    def ready(self) -> None:
        """Wait until the agent has nothing more to do."""
        expect(self.state).to_have_text("Ready")
