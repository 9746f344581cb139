"""The look is made of tokens, and nothing comes from elsewhere."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from sessions_app.rendering.items import RECEIPTS, STEP_STATES, UNANSWERED
from tests.support.scribe import Scribe
from tools_app import registry

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
STYLES = sorted((STATIC / "css").glob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
COLOUR = re.compile(r"#[0-9a-f]{3,8}\b|\b(?:rgb|hsl|oklch|lab|hwb)a?\(|:\s*(?:white|black|red|green|blue|gr[ae]y)\b")
LENGTH_OR_TIME = re.compile(r"(?<![\w.-])\d*\.?\d+(?:px|rem|ms|s)\b")
ELSEWHERE = re.compile(r"(?:https?:)?//(?!127\.0\.0\.1|www\.w3\.org/2000/svg)[a-z0-9.-]+\.[a-z]{2,}")


@pytest.mark.parametrize("style", [path for path in STYLES if path.name != "tokens.css"], ids=lambda path: path.name)
def test_only_the_tokens_name_colours_sizes_and_durations(style: Path) -> None:
    css = re.sub(r"/\*.*?\*/|@media[^{]*", "", style.read_text(), flags=re.S)
    assert COLOUR.findall(css) == []
    assert LENGTH_OR_TIME.findall(css) == []


def test_every_token_that_is_used_exists() -> None:
    defined = {name for style in STYLES for name in re.findall(r"(--[\w-]+):", style.read_text())}
    used = {name for style in STYLES for name in re.findall(r"var\((--[\w-]+)", style.read_text())}
    assert used <= defined


@pytest.mark.parametrize(
    "path", [*STYLES, *SCRIPTS, STATIC / "icons.svg", STATIC / "favicon.svg"], ids=lambda path: path.name
)
def test_no_file_names_another_site(path: Path) -> None:
    assert ELSEWHERE.findall(path.read_text()) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_small_and_evaluate_nothing(script: Path) -> None:
    source = script.read_text()
    assert len(source.splitlines()) <= 80
    assert not re.search(r"\beval\b|new Function|innerHTML|document\.write", source)


def test_templates_have_no_script_style_or_handler_of_their_own() -> None:
    for path in TEMPLATES.rglob("*.html"):
        source = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|hx-on|js:|javascript:|<script(?![^>]*\ssrc=)", source), path
        assert not re.search(r'hx-trigger="[^"]*\[', source), path


def test_every_icon_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    named = {
        icon
        for path in TEMPLATES.rglob("*.html")
        for icon in re.findall(r'icon\.html" with name="([\w-]+)"', path.read_text())
    }
    named |= {icon for table in (STEP_STATES, RECEIPTS, UNANSWERED) for _, icon, _ in table.values()}
    named |= {tool.display({}).icon for tool in registry.list_tools()}
    assert named <= sprite


@pytest.mark.django_db
def test_pages_name_no_other_site_and_are_strict(browser: Client, scribe: Scribe) -> None:
    for path in ("/chat/", f"/chat/{scribe.session.id}/", "/sessions/", "/account/", "/sign-in/", "/nowhere/"):
        response = browser.get(path, follow=True)
        assert ELSEWHERE.findall(response.content.decode()) == []
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
