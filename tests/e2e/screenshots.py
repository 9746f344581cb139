"""`python -m tests.e2e.screenshots`: the site's states in four looks, and the picture of the README."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from playwright.sync_api import expect, sync_playwright

from tests.e2e.chat import Chat
from tests.e2e.served import ServedSite, furnish
from tests.e2e.stage import Stage, launch

FOLDER = Path("artifacts/screenshots")
README = Path("docs/images/chat.png")
WIDE, NARROW, PAPER = (
    {"width": 1440, "height": 900},
    {"width": 390, "height": 844},
    {"width": 1200, "height": 850},
)
EARLIER = ("Think about names for a sailing boat", "Show markdown", "Write hello to notes.txt, then read it back.")
Act = Callable[[Chat], None]


def nothing(chat: Chat) -> None:
    """The page as it opens."""


@dataclass(frozen=True, slots=True)
class State:
    """A picture's name, where it is taken, as whom, and what is done first."""

    name: str
    url: str
    act: Act = nothing
    who: str = "alice"


def main() -> None:
    """Live through the states, then picture them; the README's on a site of its own."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        with new_site(Path(folder) / "paper") as (site, cookies):
            picture_of_readme(Stage(browser, cookies), site)
        with new_site(Path(folder) / "data") as (site, cookies):
            take(Stage(browser, cookies), [*pages(site), *sessions(Stage(browser, cookies), site)])
        browser.close()


@contextmanager
def new_site(data_dir: Path) -> Iterator[tuple[ServedSite, dict[str, str]]]:
    """A site with its cast."""
    cookies = furnish(data_dir)
    with ServedSite(data_dir) as site:
        yield site, cookies


def picture_of_readme(stage: Stage, site: ServedSite) -> None:
    """A sum that was worked out, and a command that waits for a yes."""
    for sentence in EARLIER:
        stage.enter(f"{site.url}/chat/", "alice").begin(sentence).ready()
    chat = stage.enter(f"{site.url}/chat/", "alice")
    asked(chat)
    picture(stage, State("chat", chat.page.url), README, viewport=PAPER, device_scale_factor=2)


def pages(site: ServedSite) -> list[State]:
    """The pages around the chat."""
    return [
        State("sign-in", f"{site.url}/sign-in/", who=""),
        State("new", f"{site.url}/chat/"),
        State("drawer", f"{site.url}/chat/", open_drawer),
        State("sessions", f"{site.url}/sessions/"),
        State("account", f"{site.url}/account/"),
        State("not-found", f"{site.url}/nowhere/"),
        State("admin", f"{site.url}/admin/"),
    ]


def sessions(stage: Stage, site: ServedSite) -> list[State]:
    """Sessions in the states that a person meets; what runs, runs on while the pictures are taken."""
    begin = {
        "recovery": interrupted(site),
        "tools": worked,
        "failed": failed,
        "markdown": lambda chat: chat.begin("Show markdown").ready(),
        "form": lambda chat: expect(chat.begin("Ask me for the facts of a trip").questions).to_be_visible(),
        "streaming": streaming,
        "approval": asked,
    }
    found = []
    for name, live in begin.items():
        chat = stage.enter(f"{site.url}/chat/", "alice")
        live(chat)
        found.append(State(name, chat.page.url, AFTER.get(name, nothing)))
    stage.close()
    return found


def asked(chat: Chat) -> None:
    """A sum is worked out, then a command waits for a yes."""
    chat.begin("What is 17% of 2,340? Use Python.")
    chat.questions.get_by_role("button", name="Approve", exact=True).click()
    chat.ready()
    chat.say("Run `uname -a`")
    expect(chat.questions).to_be_visible()


def worked(chat: Chat) -> None:
    """Calls that are done, refused and failed."""
    chat.begin("Write hello to notes.txt, then read it").ready()
    chat.say("Edit notes.txt: replace hello with good morning")
    expect(chat.steps).to_have_count(3)
    chat.ready()
    chat.say("Run `date` and `ls -la /nowhere`")
    chat.questions.first.get_by_role("button", name="Allow for this session").click()
    chat.questions.last.get_by_role("button", name="Approve", exact=True).click()
    chat.ready()


def failed(chat: Chat) -> None:
    """An answer that broke off, and one that was stopped."""
    chat.begin("Fail with an error").ready()
    chat.say("Write 500 words at 20 a second")
    expect(chat.answer).to_contain_text("hills")
    chat.press("Stop")
    chat.ready()


def streaming(chat: Chat) -> None:
    """A long answer on its way, and a message behind it."""
    chat.begin("Write 9,000 words at 4 a second")
    expect(chat.answer).to_contain_text("small boats")
    chat.say("Then think about the weather")
    expect(chat.page.locator("#queue > .chip")).to_be_visible()


def interrupted(site: ServedSite) -> Act:
    """A command that the site was killed under."""

    def live(chat: Chat) -> None:
        chat.begin("Run `echo begun; sleep 50`")
        chat.questions.get_by_role("button", name="Approve", exact=True).click()
        expect(chat.steps).to_contain_text("Running")
        site.kill()
        site.start()
        expect(chat.page.locator(".recovery")).to_be_visible()

    return live


def open_drawer(chat: Chat) -> None:
    """On a narrow window the sessions are in a drawer."""
    button = chat.page.get_by_role("button", name="Sessions", exact=True)
    if button.is_visible():
        button.click()


def submit_empty(chat: Chat) -> None:
    """A form with what is wrong beside its fields."""
    chat.page.get_by_label("Days").fill("3")
    chat.press("Submit")
    expect(chat.page.locator(".has-error").first).to_be_visible()


def open_steps(chat: Chat) -> None:
    """Every call with its arguments, output and diff."""
    for summary in chat.steps.locator("summary").all():
        summary.click()


AFTER: Mapping[str, Act] = {"form": submit_empty, "tools": open_steps}


def take(stage: Stage, states: list[State]) -> None:
    """Each state in each look."""
    for state in states:
        for viewport, scheme in product((WIDE, NARROW), ("light", "dark")):
            path = FOLDER / f"{state.name}-{viewport['width']}-{scheme}.png"
            picture(stage, state, path, viewport=viewport, color_scheme=scheme, has_touch=viewport is NARROW)
        print(state.name, flush=True)


def picture(stage: Stage, state: State, path: Path, **look: Any) -> None:
    """One picture."""
    chat = stage.enter(state.url, state.who, **look)
    state.act(chat)
    path.parent.mkdir(parents=True, exist_ok=True)
    chat.page.screenshot(path=path)
    stage.close()


if __name__ == "__main__":
    main()
