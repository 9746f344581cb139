"""The account page: one's details, password and tokens."""

import re

import pytest
from django.test import Client

from agentsite.access.models import ApiToken, User
from agentsite.access.selectors import user_for_token
from agentsite.access.services import create_token

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_alice(alice: User) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_strangers_are_sent_to_sign_in(alice: User) -> None:
    token, _ = create_token(user=alice)
    client = Client()
    for path in ("/account/", "/account/password/", "/account/tokens/", f"/account/tokens/{token.pk}/revoke/"):
        assert client.post(path).url.startswith("/sign-in/"), path


def test_alice_changes_her_details_and_nothing_else(as_alice: Client, alice: User) -> None:
    changed = {
        "first_name": "Alice",
        "last_name": "A",
        "email": "new@example.com",
        "is_superuser": "on",
        "username": "x",
    }
    assert as_alice.post("/account/", changed).url == "/account/"
    alice.refresh_from_db()
    assert (alice.first_name, alice.email) == ("Alice", "new@example.com")
    assert (alice.username, alice.is_superuser) == ("alice", False)
    assert as_alice.post("/account/", {"email": "no address"}).status_code == 400


def test_a_token_is_shown_once(as_alice: Client, alice: User) -> None:
    made = as_alice.post("/account/tokens/", {"name": "report", "days": "30"})
    found = re.search(r"as_[\w-]{43}", made.content.decode())
    assert found
    assert user_for_token(found[0]) == alice
    assert "no-store" in made.headers["Cache-Control"]
    page = as_alice.get("/account/").content.decode()
    assert found[0] not in page
    assert found[0][:9] in page
    assert "report" in page


def test_a_token_that_cannot_be_is_refused_with_a_reason(as_alice: Client) -> None:
    refused = as_alice.post("/account/tokens/", {"days": "0"})
    assert refused.status_code == 400
    assert not ApiToken.objects.exists()


def test_one_revokes_ones_own_tokens_only(as_alice: Client, alice: User, bob: User) -> None:
    his, his_value = create_token(user=bob)
    hers, her_value = create_token(user=alice)
    assert as_alice.post(f"/account/tokens/{his.pk}/revoke/").status_code == 404
    assert as_alice.post(f"/account/tokens/{hers.pk}/revoke/").url == "/account/"
    assert (user_for_token(his_value), user_for_token(her_value)) == (bob, None)
    assert his.prefix not in as_alice.get("/account/").content.decode()
    assert hers.prefix not in as_alice.get("/account/").content.decode()


def test_a_password_is_changed_with_the_old_one(as_alice: Client, alice: User) -> None:
    new = {"new_password1": "an entirely new one", "new_password2": "an entirely new one"}
    assert as_alice.post("/account/password/", new).status_code == 200
    assert as_alice.post("/account/password/", {**new, "old_password": "alice's password"}).url == "/account/"
    alice.refresh_from_db()
    assert alice.check_password("an entirely new one")
    assert as_alice.get("/account/").status_code == 200
