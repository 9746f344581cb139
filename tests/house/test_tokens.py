"""API tokens: stored as digests, expiring, revocable, one's own."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from agentsite.access.models import ApiToken, User
from agentsite.access.selectors import user_for_token
from agentsite.access.services import create_token, revoke_token
from agentsite.core.errors import InvalidError

pytestmark = pytest.mark.django_db


def bearer(value: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {value}"}


def test_only_the_digest_of_a_token_is_stored(alice: User) -> None:
    token, value = create_token(user=alice, name="report")
    assert value.startswith("as_")
    assert len(value) == 46
    assert value.startswith(token.prefix)
    stored = ApiToken.objects.filter(pk=token.pk).values().get()
    assert value not in map(str, stored.values())
    assert len(stored["digest"]) == 64
    assert create_token(user=alice)[1] != value


def test_a_token_stands_for_its_user(alice: User, bob: User) -> None:
    _, hers = create_token(user=alice)
    _, his = create_token(user=bob)
    assert (user_for_token(hers), user_for_token(his)) == (alice, bob)
    assert [user_for_token(value) for value in ("", "as_", hers[:-1], hers + "x", "as_\ud800")] == [None] * 5


def test_a_token_ends(alice: User) -> None:
    _, value = create_token(user=alice, days=2)
    with time_machine.travel(timezone.now() + timedelta(days=1, hours=23), tick=False):
        assert user_for_token(value) == alice
    with time_machine.travel(timezone.now() + timedelta(days=2, minutes=1), tick=False):
        assert user_for_token(value) is None


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_a_token_lasts_a_sensible_time(alice: User, days: int) -> None:
    with pytest.raises(InvalidError):
        create_token(user=alice, days=days)


def test_a_revoked_token_is_dead_at_once_and_keeps_its_time(alice: User) -> None:
    token, value = create_token(user=alice)
    first = revoke_token(token=token).revoked_at
    assert user_for_token(value) is None
    assert revoke_token(token=token).revoked_at == first


def test_a_user_who_may_not_sign_in_has_no_tokens_either(alice: User) -> None:
    _, value = create_token(user=alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert user_for_token(value) is None


def test_the_last_use_is_noted_once_a_minute(alice: User, django_assert_num_queries: Any) -> None:
    token, value = create_token(user=alice)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        user_for_token(value)
        token.refresh_from_db()
        first = token.last_used_at
        clock.shift(30)
        with django_assert_num_queries(1):
            user_for_token(value)
        clock.shift(31)
        user_for_token(value)
        token.refresh_from_db()
    assert first is not None
    assert token.last_used_at == first + timedelta(seconds=61)


def test_the_command_prints_the_token_last(alice: User) -> None:
    out, err = StringIO(), StringIO()
    call_command("create_token", "alice", "--days", "3", "--name", "nightly", stdout=out, stderr=err)
    value = out.getvalue().splitlines()[-1]
    assert user_for_token(value) == alice
    token = ApiToken.objects.get()
    assert token.name == "nightly"
    assert token.expires_at is not None
    assert f"{token.expires_at:%Y-%m-%d}" in err.getvalue()


@pytest.mark.parametrize(
    ("arguments", "says"), [(["nobody"], "There is no user"), (["alice", "--days", "0"], "3650 days")]
)
def test_the_command_says_what_is_wrong(alice: User, arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("create_token", *arguments)


def test_tokens_over_rest(alice: User, bob: User) -> None:
    client = Client()
    _, hers = create_token(user=alice)
    _, his = create_token(user=bob)
    made = client.post("/api/tokens", {"name": "ci", "days": 5}, content_type="application/json", headers=bearer(hers))
    assert made.status_code == 201
    assert user_for_token(made.json()["token"]) == alice
    listed = client.get("/api/tokens", headers=bearer(hers))
    listed_tokens = listed.json()["results"]
    assert [token["name"] for token in listed_tokens] == ["ci", ""]
    assert "token" not in listed_tokens[0]
    assert made.json()["token"] not in listed.content.decode()
    path = f"/api/tokens/{made.json()['id']}"
    assert client.delete(path, headers=bearer(his)).status_code == 404
    assert user_for_token(made.json()["token"]) == alice
    assert client.delete(path, headers=bearer(hers)).status_code == 204
    assert user_for_token(made.json()["token"]) is None
    assert client.delete(path, headers=bearer(hers)).status_code == 404
    bad = client.post("/api/tokens", {"days": 0}, content_type="application/json", headers=bearer(hers))
    assert (bad.status_code, list(bad.json()["error"]["details"]["fields"])) == (400, ["days"])


def test_the_admin_shows_tokens_and_can_only_revoke_them(alice: User, operator: User, client: Client) -> None:
    token, value = create_token(user=alice, name="report")
    client.force_login(operator)
    page = client.get("/admin/access/apitoken/")
    assert token.prefix in page.content.decode()
    assert value not in page.content.decode()
    assert token.digest not in client.get(f"/admin/access/apitoken/{token.pk}/change/").content.decode()
    assert client.get("/admin/access/apitoken/add/").status_code == 403
    client.post("/admin/access/apitoken/", {"action": "revoke", "_selected_action": [str(token.pk)]})
    assert user_for_token(value) is None
