"""Signing in: by password with a limit of attempts, and in development by a link that works once."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from agentsite.access import ratelimit
from agentsite.access.firststart import collect_if_needed, migrate_if_needed, prepare_first_start
from agentsite.access.models import SignInLink, User
from agentsite.access.services import create_sign_in_link, use_sign_in_link
from agentsite.core.errors import RateLimitedError

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_attempts_yet() -> None:
    ratelimit._windows.clear()


@pytest.fixture
def production(settings: Any) -> None:
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"env": "production"})


def sign_in(client: Client, name: str, password: str, address: str = "192.0.2.1") -> Any:
    return client.post("/sign-in/", {"username": name, "password": password}, REMOTE_ADDR=address)


def test_alice_signs_in_and_out(alice: User, client: Client) -> None:
    assert sign_in(client, "alice", "alice's password").url == "/"
    assert client.get("/account/").status_code == 200
    client.post("/sign-out/")
    assert client.get("/account/").url == "/sign-in/?next=/account/"


def test_one_is_sent_where_one_wanted_to_go_and_never_elsewhere(alice: User, client: Client) -> None:
    wanted = {"username": "alice", "password": "alice's password"}
    assert client.post("/sign-in/", {**wanted, "next": "/account/"}).url == "/account/"
    client.post("/sign-out/")
    assert client.post("/sign-in/", {**wanted, "next": "https://evil.example/"}).url == "/"


def test_five_failures_close_the_door_for_that_name_and_address(alice: User, bob: User, client: Client) -> None:
    for _ in range(5):
        assert sign_in(client, "alice", "guess").status_code == 200
    refused = sign_in(client, "ALICE", "alice's password")
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 900
    assert "Too many attempts. Wait 15 minutes." in refused.content.decode()
    assert sign_in(client, "alice", "alice's password", "192.0.2.2").status_code == 302
    assert sign_in(Client(), "bob", "bob's password").status_code == 302


def test_the_door_opens_again(alice: User, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(ratelimit, "monotonic", lambda: now)
    for _ in range(5):
        sign_in(client, "alice", "guess")
    now += 899
    assert sign_in(client, "alice", "alice's password").status_code == 429
    now += 1
    assert sign_in(client, "alice", "alice's password").status_code == 302


def test_a_success_forgets_the_failures(alice: User, client: Client) -> None:
    for _ in range(3):
        for _ in range(4):
            sign_in(client, "alice", "guess")
        assert sign_in(client, "alice", "alice's password").status_code == 302


def test_the_admin_has_no_door_of_its_own(operator: User, alice: User, client: Client) -> None:
    assert client.get("/admin/").url == "/admin/login/?next=/admin/"
    credentials = {"username": "olga", "password": "olga's password"}
    assert client.post("/admin/login/?next=/admin/", credentials).url == "/sign-in/?next=/admin/"
    assert client.get("/admin/").status_code == 302
    client.force_login(alice)
    assert client.get("/admin/login/?next=/admin/").status_code == 403


def test_a_link_signs_in_once(alice: User, client: Client) -> None:
    path = f"/sign-in/{create_sign_in_link(user=alice)}/"
    answer = client.get(path)
    assert answer.url == "/"
    assert "no-store" in answer.headers["Cache-Control"]
    assert "alice" in client.get("/account/").content.decode()
    other = Client()
    again = other.get(path)
    assert again.status_code == 400
    assert "used already" in again.content.decode()
    assert other.get("/account/").status_code == 302


def test_a_link_lasts_fifteen_minutes(alice: User) -> None:
    value = create_sign_in_link(user=alice)
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1), tick=False):
        assert use_sign_in_link(token=value) is None
    with time_machine.travel(timezone.now() + timedelta(minutes=14), tick=False):
        assert use_sign_in_link(token=value) == alice
        assert use_sign_in_link(token=value) is None


def test_only_the_digest_of_a_link_is_stored_and_old_ones_go(alice: User) -> None:
    value = create_sign_in_link(user=alice)
    assert value not in map(str, SignInLink.objects.values().get().values())
    with time_machine.travel(timezone.now() + timedelta(hours=1), tick=False):
        create_sign_in_link(user=alice)
    assert SignInLink.objects.count() == 1


def test_a_link_of_a_user_who_may_not_sign_in_is_dead(alice: User) -> None:
    value = create_sign_in_link(user=alice)
    User.objects.update(is_active=False)
    assert use_sign_in_link(token=value) is None


@pytest.mark.usefixtures("production")
def test_production_knows_no_links(alice: User, client: Client) -> None:
    value = create_sign_in_link(user=alice)
    assert client.get(f"/sign-in/{value}/").status_code == 404
    assert SignInLink.objects.get().used_at is None
    assert prepare_first_start().link is None


def test_the_first_start_makes_an_administrator_and_a_link(client: Client) -> None:
    start = prepare_first_start()
    assert start.created_admin
    assert start.link is not None
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser, admin.has_usable_password()) == ("admin", True, False)
    assert client.get(start.link).url == "/"
    assert client.get("/admin/").status_code == 200
    client.post("/account/password/", {"new_password1": "a long new password", "new_password2": "a long new password"})
    assert User.objects.get().check_password("a long new password")


def test_later_starts_make_nobody(alice: User, operator: User) -> None:
    start = prepare_first_start()
    assert not start.created_admin
    assert start.link is not None
    assert use_sign_in_link(token=start.link.split("/")[2]) == operator
    assert User.objects.count() == 2


def test_a_site_without_administrators_gets_no_link(alice: User) -> None:
    assert prepare_first_start().link is None


def test_tables_that_are_up_to_date_are_left_alone() -> None:
    assert not migrate_if_needed()


def test_static_files_are_collected_in_production_when_they_changed(settings: Any, tmp_path: Any) -> None:
    settings.STATIC_ROOT = tmp_path / "collected"
    assert not collect_if_needed()
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"env": "production"})
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"},
    }
    assert collect_if_needed()
    assert list((tmp_path / "collected" / "admin" / "css").glob("base.*.css"))
    assert not collect_if_needed()


def test_a_forgotten_password_is_set_anew_by_mail(alice: User, client: Client) -> None:
    client.post("/password-reset/", {"email": "alice@example.com"})
    client.post("/password-reset/", {"email": "nobody@example.com"})
    assert [message.to for message in mail.outbox] == [["alice@example.com"]]
    body = str(mail.outbox[0].body)
    path = next(word for word in body.split() if "/password-reset/" in word).removeprefix("http://testserver")
    form = client.get(path).url
    chosen = "an entirely new password"
    client.post(form, {"new_password1": chosen, "new_password2": chosen})
    assert sign_in(client, "alice", chosen).status_code == 302
    assert "not valid any more" in Client().get(path).content.decode()


def test_mails_are_limited(client: Client) -> None:
    codes = [client.post("/password-reset/", {"email": "alice@example.com"}).status_code for _ in range(6)]
    assert codes == [302] * 5 + [429]


def test_memory_of_attempts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit, "MOST_KEYS", 10)
    for number in range(50):
        ratelimit.check_rate(f"key {number}", 1, 60)
    assert len(ratelimit._windows) <= 11
    with pytest.raises(RateLimitedError, match="1 minute"):
        ratelimit.check_rate("key 49", 1, 60)
