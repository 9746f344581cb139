"""Missing facts are asked for with a form: errors beside their fields, secrets that are not seen again."""

from playwright.sync_api import expect

from tests.e2e.served import ServedSite
from tests.e2e.stage import Stage

SECRET = "open sesame, please"


def test_a_form_keeps_what_was_typed_and_never_shows_a_secret_again(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Ask me for the facts of a trip")
    card = alice.question("Please fill this in: the facts of a trip.")
    name, secret = card.get_by_label("Name"), card.get_by_label("Passphrase")
    card.get_by_label("Days").fill("2.5")
    card.get_by_label("Season").select_option("winter")
    secret.fill(SECRET)
    stage.allow("status of 400")
    card.get_by_role("button", name="Submit").click()
    expect(name).to_have_attribute("aria-invalid", "true")
    expect(card.locator(".has-error")).to_have_count(1)
    expect(card.get_by_label("Days")).to_have_value("2.5")
    expect(card.get_by_label("Season")).to_have_value("winter")
    expect(secret).to_have_attribute("type", "password")
    assert SECRET not in alice.page.content()

    name.fill("Alice <b>")
    card.get_by_label("Insured").check()
    secret.fill(SECRET)
    card.get_by_role("button", name="Submit").click()
    expect(alice.receipts).to_contain_text("Answered by alice")
    for fact in ("name: Alice <b>", "days: 2.5", "season: winter", "insured: yes", "passphrase: ⟨secret:passphrase⟩"):
        expect(alice.answer).to_contain_text(fact)
    alice.ready()
    assert SECRET not in alice.page.content()
    alice.page.reload()
    expect(alice.answer).to_contain_text("days: 2.5")
    assert SECRET not in alice.page.content()


def test_a_declined_form_lets_the_agent_go_on(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice").begin("Ask me for the facts of a trip")
    alice.questions.get_by_role("button", name="Decline").click()
    expect(alice.receipts).to_contain_text("Declined by alice")
    expect(alice.answer).to_contain_text("I have no facts from you")
    alice.ready()


def test_a_secret_reaches_the_tool_and_nobody_else(stage: Stage, rehearsal: ServedSite) -> None:
    alice = stage.enter(f"{rehearsal.url}/chat/", "alice")
    alice.begin("Ask me for a secret, then run `echo ${#PASSPHRASE} $PASSPHRASE` with the secret passphrase")
    alice.questions.get_by_label("Passphrase").fill(SECRET)
    alice.questions.get_by_role("button", name="Submit").click()
    card = alice.question("Run a command in this session's workspace")
    expect(card).to_contain_text("⟨secret:passphrase⟩")
    card.get_by_role("button", name="Approve", exact=True).click()
    expect(alice.answer).to_contain_text(f"{len(SECRET)} ⟨secret:passphrase⟩")
    alice.ready()
    assert SECRET not in alice.page.content()
