"""Light, dark or the system's: chosen once, right from the first byte of every page, readable in both."""

import re
from itertools import product
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from tests.support.oklch import contrast
from tests.support.scribe import Scribe, idle_agent

TOKENS = (Path(settings.BASE_DIR) / "static/css/tokens.css").read_text()
READABLE = 4.5
CODE = [f"--code-{kind}" for kind in ("comment", "keyword", "string", "number", "name", "type")]
ANSI = [f"--ansi-{name}" for name in ("black", "red", "green", "yellow", "blue", "magenta", "cyan", "white")]
PAIRS = [
    *product(["--ink", "--ink-soft", "--accent-ink"], ["--page", "--surface", "--sunken"]),
    *product([*CODE, "--done-ink", "--failed-ink"], ["--sunken"]),
    *product([*ANSI, "--terminal-ink"], ["--terminal"]),
    *product(["--waiting-ink", "--failed-ink", "--done-ink"], ["--page", "--surface"]),
    ("--on-accent", "--accent"),
    ("--on-accent", "--accent-press"),
    ("--on-waiting", "--waiting"),
]


def colour(token: str, theme: int) -> str:
    """A token's colour in the light (0) or the dark (1) theme."""
    found = re.search(rf"^\s+{token}: ([^;]+);", TOKENS, re.M)
    assert found is not None, token
    if found[1].startswith("var("):
        return colour(found[1][4:-1], theme)
    both = re.findall(r"oklch\([^)]*\)", found[1])
    return str(both[theme] if len(both) == 2 else both[0])


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_can_be_read(ink: str, ground: str, theme: int) -> None:
    assert contrast(colour(ink, theme), colour(ground, theme)) >= READABLE


@pytest.mark.django_db
def test_a_choice_is_on_every_page_from_the_first_byte(browser: Client, scribe: Scribe) -> None:
    paths = ("/chat/", f"/chat/{scribe.session.id}/", "/sessions/", "/account/")
    assert all("data-theme" not in browser.get(path).content.decode() for path in paths)
    assert browser.post("/theme/", {"theme": "dark"}).headers["Location"] == "/"
    for path in paths:
        page = browser.get(path).content.decode()
        assert '<html lang="en" data-theme="dark">' in page
        assert '<meta name="color-scheme" content="dark">' in page
    browser.post("/theme/", {"theme": "system"})
    assert "data-theme" not in browser.get("/chat/").content.decode()


@pytest.mark.django_db
def test_the_menu_shows_what_is_chosen(browser: Client) -> None:
    idle_agent()
    chosen = re.compile(r'value="(\w+)"\s+aria-pressed="true"')
    assert chosen.findall(browser.get("/chat/").content.decode()) == ["system"]
    browser.post("/theme/", {"theme": "light"})
    assert chosen.findall(browser.get("/chat/").content.decode()) == ["light"]


@pytest.mark.django_db
def test_the_choice_leads_back_to_where_it_was_made_and_nowhere_else(browser: Client) -> None:
    def back(referer: str) -> str:
        return str(browser.post("/theme/", {"theme": "dark"}, headers={"Referer": referer}).headers["Location"])

    assert back("http://testserver/sessions/?q=x") == "/sessions/"
    assert back("http://elsewhere.example/sessions/") == "/"
    assert browser.post("/theme/", {"theme": "dark"}, headers={"HX-Request": "true"}).status_code == 204


@pytest.mark.django_db
def test_what_is_no_theme_is_neither_taken_nor_shown(browser: Client) -> None:
    assert browser.post("/theme/", {"theme": '"><script>'}).status_code == 400
    browser.cookies["theme"] = "loud"
    assert "data-theme" not in browser.get("/account/").content.decode()
    assert browser.get("/theme/").status_code == 405


@pytest.mark.django_db
def test_strangers_sign_in_first(client: Client) -> None:
    assert client.post("/theme/", {"theme": "dark"}).headers["Location"].startswith("/sign-in/")
