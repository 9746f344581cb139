"""Windows for the people of the cast, and what their browsers said while a story ran."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, expect

from tests.e2e.chat import Chat

CHROMIUM = Path("/usr/bin/chromium")
HOST = "127.0.0.1"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    f"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE {HOST}",
]
DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
TIMEOUT_MS = 15_000
REPORT_CSP = """addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  console.error(`The policy ${violatedDirective} stopped ${blockedURI}`));"""


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, which may speak with this machine only."""
    expect.set_options(timeout=TIMEOUT_MS)
    return playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)


class Stage:
    """Opens contexts, one a person, and keeps what nobody should see: console problems and requests that leave."""

    def __init__(self, browser: Browser, cookies: Mapping[str, str]) -> None:
        self.problems: list[str] = []
        self.contexts: list[BrowserContext] = []
        self._browser = browser
        self._cookies = cookies
        self._allowed: list[str] = []

    def enter(self, url: str, who: str = "", *, script: str = "", **options: Any) -> Chat:
        """A window on `url` for somebody who is signed in, or for a stranger; `script` runs first in every page."""
        context = self._browser.new_context(**{"viewport": DESK, "reduced_motion": "reduce", **options})
        context.set_default_timeout(TIMEOUT_MS)
        context.on("page", self._watch)
        context.on("request", lambda request: self._check_address(request.url))
        context.add_init_script(REPORT_CSP)
        if script:
            context.add_init_script(script)
        if who:
            context.add_cookies([{"name": "sessionid", "value": self._cookies[who], "domain": HOST, "path": "/"}])
        self.contexts.append(context)
        page = context.new_page()
        page.goto(url)
        return Chat(page)

    def allow(self, *patterns: str) -> None:
        """What the console may say in this story: the browser itself tells of refused requests there."""
        self._allowed += patterns

    def close(self) -> list[str]:
        """Close every window; what was wrong with them."""
        while self.contexts:
            self.contexts.pop().close()
        return [problem for problem in self.problems if not any(re.search(one, problem) for one in self._allowed)]

    def _watch(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.problems.append(f"script error: {error}"))
        page.on("websocket", lambda socket: self._check_address(socket.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.problems.append(f"console {message.type}: {message.text} {message.location.get('url', '')}")

    def _check_address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.hostname != HOST:
            self.problems.append(f"a request left this machine: {url}")
