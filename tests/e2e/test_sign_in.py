"""The first start: one command prints a link, and the link opens the site, once."""

import time
from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage


def test_the_printed_link_signs_the_administrator_in_once(stage: Stage, tmp_path: Path) -> None:
    with ServedSite(tmp_path / "data") as site:
        assert "  It made the administrator “admin”." in site.lines
        owner = stage.enter(site.link)
        expect(owner.page).to_have_url(f"{site.url}/chat/")
        expect(owner.page.get_by_role("heading", name="Assistant")).to_be_visible()
        expect(owner.page.get_by_role("button", name="admin", exact=True)).to_be_visible()
        assert owner.page.goto(f"{site.url}/admin/").status == 200  # type: ignore[union-attr]

        stage.allow("status of 400")
        second = stage.enter(site.link)
        expect(second.page.get_by_text("This link was used already")).to_be_visible()
        second.page.goto(site.url)
        expect(second.page.get_by_role("heading", name="Sign in")).to_be_visible()
        began = time.monotonic()
    assert time.monotonic() - began < 3, "Ctrl-C ends the site at once, though pages are open"
    assert site.trouble == []


def test_a_password_opens_the_site_and_sign_out_closes_it(stage: Stage, rehearsal: ServedSite) -> None:
    bob = stage.enter(f"{rehearsal.url}/chat/?agent=assistant")
    page = bob.page
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill("wrong")
    bob.press("Sign in")
    expect(page.get_by_text("Please enter a correct username and password")).to_be_visible()
    page.get_by_label("Password").fill("bob's password")
    bob.press("Sign in")
    expect(page).to_have_url(f"{rehearsal.url}/chat/?agent=assistant")
    expect(page.get_by_role("link", name="Admin", exact=True)).to_have_count(0)
    bob.press("Sign out")
    page.goto(f"{rehearsal.url}/chat/")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
