"""What must hold on a phone and in the dark."""

import pytest
from playwright.sync_api import expect

from tests.e2e.chat import Chat
from tests.e2e.served import ServedSite
from tests.e2e.stage import PHONE, Stage

WIDER = """() => [document.scrollingElement, ...document.querySelectorAll("body, main, .frame, .thread, .dock")]
  .filter((box) => box.scrollWidth > box.clientWidth + 1)
  .map((box) => `${box.tagName}.${box.className} ${box.scrollWidth} > ${box.clientWidth}`)"""
LUMINANCE = """() => {
  const brush = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
    .getContext("2d", { willReadFrequently: true });
  const light = (colour) => {
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [red, green, blue] = brush.getImageData(0, 0, 1, 1).data;
    return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
  };
  const { backgroundColor } = getComputedStyle(document.documentElement);
  const { color } = getComputedStyle(document.body);
  return [light(backgroundColor), light(color)];
}"""


def test_nothing_scrolls_sideways_on_a_phone(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice", viewport=PHONE, has_touch=True, is_mobile=True)

    def fits() -> None:
        assert alice.page.evaluate(WIDER) == []

    fits()
    alice.field.fill("Show markdown")
    alice.press("Send")
    expect(alice.answer.get_by_role("table")).to_be_visible()
    alice.ready()
    fits()
    for text, shown in (
        (f"Run `echo {'long' * 60}` and `ls -la /usr/lib/python3 /etc`", ".approval"),
        ("Ask me for the facts of a trip", ".form-card"),
    ):
        alice.field.fill(text)
        alice.press("Send")
        expect(alice.page.locator(shown).first).to_be_visible()
        fits()
        alice.press("Stop")
        alice.ready()
    for path in ("/sessions/", "/account/", "/chat/"):
        alice.page.goto(f"{rehearsal.url}{path}")
        fits()


def test_the_drawer_opens_and_leads_to_a_session(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice", viewport=PHONE, has_touch=True)
    alice.field.fill("Think about drawers")
    alice.press("Send")
    expect(alice.answer).to_contain_text("I have thought about drawers")
    address = alice.page.url
    alice.page.goto(f"{rehearsal.url}/chat/")
    drawer = alice.page.get_by_role("complementary", name="Sessions")
    expect(drawer).to_be_hidden()
    alice.press("Sessions")
    expect(drawer).to_be_in_viewport()
    alice.page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    alice.press("Sessions")
    drawer.get_by_role("link", name="Think about drawers").first.click()
    expect(alice.page).to_have_url(address)
    expect(drawer).to_be_hidden()


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_the_colours_follow_the_system(stage: Stage, rehearsal: ServedSite, scheme: str) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice", color_scheme=scheme)
    ground, ink = luminance(alice)
    assert (ground < 0.2 and ink > 0.8) if scheme == "dark" else (ground > 0.9 and ink < 0.2)


def luminance(tab: Chat) -> tuple[float, float]:
    """How light the ground is, and the ink on it."""
    ground, ink = tab.page.evaluate(LUMINANCE)
    return ground, ink
