"""Health tells the truth: each part is broken in turn, and what strangers learn of it is one word."""

import sqlite3
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connections
from django.test import Client

from agents_app.models import Engine
from agents_app.services import ensure_defaults
from agentsite.access.models import User
from agentsite.access.services import create_token
from monitoring_app.engine_health import default_engine
from monitoring_app.models import HealthMark
from sessions_app import broker
from sessions_app.models import Run
from sessions_app.runner import current
from sessions_app.runner.runtime import Runtime
from tests.support.scribe import Scribe, idle_agent
from tools_app import sandbox

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def runtime(transactional_db: None) -> Iterator[Runtime]:
    """A site that works: a runtime, an engine, a sandbox."""
    ensure_defaults()
    default_engine.forget()
    sandbox.status()
    runtime = Runtime().start()
    current.set_runtime(runtime)
    try:
        yield runtime
    finally:
        current.set_runtime(None)
        runtime.stop()


@pytest.fixture
def desk(operator: User) -> Client:
    """The operator's browser."""
    client = Client()
    client.force_login(operator)
    return client


def ask(client: Client, path: str = "/health", **headers: str) -> tuple[int, dict[str, Any]]:
    response = client.get(path, headers=headers)
    return response.status_code, response.json()


def part(client: Client, name: str) -> dict[str, Any]:
    parts = ask(client)[1]["parts"]
    assert set(parts) == {"database", "executor", "broker", "sandbox", "engine"}
    found: dict[str, Any] = parts[name]
    return found


@pytest.fixture
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """New connections find no database where it should be."""
    if connections["default"].vendor == "sqlite":
        monkeypatch.setitem(connections["default"].settings_dict, "NAME", "/proc/nowhere/db.sqlite3")
    else:
        monkeypatch.setitem(connections["default"].settings_dict, "NAME", "there_is_no_such_database")


def test_a_site_that_works_is_ok(desk: Client) -> None:
    code, body = ask(desk)
    if sandbox.status().available:
        assert (code, body["status"]) == (200, "ok")
    assert {body["parts"][name]["status"] for name in ("database", "executor", "broker", "engine")} == {"ok"}
    assert body["parts"]["executor"]["sentence"] == "Runs that execute now: 0."
    assert all(each["milliseconds"] < 2_000 for each in body["parts"].values())


def test_a_write_is_made_each_time(client: Client) -> None:
    marks: list[datetime] = []
    for _ in range(2):
        assert ask(client)[0] == 200
        marks.append(HealthMark.objects.get().marked_at)
    assert marks[0] < marks[1]
    assert HealthMark.objects.count() == 1


@pytest.mark.usefixtures("no_database")
def test_without_a_database_the_site_is_down(client: Client) -> None:
    for path in ("/health", "/readyz"):
        assert ask(client, path) == (503, {"status": "down"})
    assert ask(client, "/livez") == (200, {"status": "ok"})


def test_a_database_that_takes_no_writes_is_down(desk: Client) -> None:
    if connections["default"].vendor != "sqlite":
        pytest.skip("another way to lock")
    blocker = sqlite3.connect(Path(str(connections["default"].settings_dict["NAME"])), isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    try:
        began = time.monotonic()
        code, body = ask(desk)
        assert time.monotonic() - began < 5
        assert (code, body["status"]) == (503, "down")
        assert body["parts"]["database"]["sentence"] == "No answer within 2 s."
    finally:
        blocker.execute("ROLLBACK")
        blocker.close()


def test_without_a_runtime_the_site_is_down(client: Client, desk: Client, runtime: Runtime) -> None:
    runtime.stop()
    for path in ("/health", "/readyz"):
        assert ask(client, path) == (503, {"status": "down"})
    assert part(desk, "executor")["sentence"] == "The executor of this process has stopped answering. Restart the site."
    assert part(desk, "database")["status"] == "ok"
    current.set_runtime(None)
    assert ask(client, "/readyz")[0] == 503
    assert "manage.py serve" in part(desk, "executor")["sentence"]


def test_with_workers_elsewhere_runs_must_be_taken(
    client: Client, desk: Client, alice: User, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime.stop()
    monkeypatch.setattr(settings, "AGENTSITE", settings.AGENTSITE.model_copy(update={"executor": "celery"}))
    assert ask(client, "/readyz") == (200, {"status": "ok"})
    idle_agent()
    run = Scribe.begin(alice).run
    assert run is not None
    long_ago = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
    idle = {"status": "queued", "lease_expires_at": None, "lease_owner": "", "started_at": None, "queued_at": long_ago}
    Run.objects.filter(id=run.id).update(**idle)
    assert ask(client, "/readyz") == (503, {"status": "down"})
    assert "Start a worker." in part(desk, "executor")["sentence"]


def test_a_silent_broker_degrades(client: Client, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "post", lambda topic, item: None)
    assert ask(client) == (200, {"status": "degraded"})
    assert "did not arrive" in part(desk, "broker")["sentence"]


def test_a_missing_sandbox_degrades(client: Client, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = sandbox.SandboxStatus(False, "Code cannot run here: bubblewrap is not installed.")
    monkeypatch.setattr(sandbox, "status", lambda: missing)
    assert ask(client) == (200, {"status": "degraded"})
    assert part(desk, "sandbox")["sentence"] == missing.reason
    assert ask(client, "/readyz") == (200, {"status": "ok"})


def test_an_engine_that_cannot_be_reached_degrades(client: Client, desk: Client) -> None:
    Engine.objects.update(provider="openai", base_url="http://127.0.0.1:9/v1")
    assert ask(client) == (200, {"status": "degraded"})
    assert "Rehearsal" in part(desk, "engine")["sentence"]


def test_no_engine_degrades(client: Client, desk: Client) -> None:
    Engine.objects.update(enabled=False)
    assert ask(client) == (200, {"status": "degraded"})
    assert "No engine is switched on" in part(desk, "engine")["sentence"]


def test_the_engine_is_asked_at_most_every_30_seconds(desk: Client) -> None:
    assert part(desk, "engine")["status"] == "ok"
    Engine.objects.update(enabled=False)
    assert part(desk, "engine")["status"] == "ok"


def test_what_breaks_inside_a_check_stays_inside(
    desk: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> None:
        raise RuntimeError("a path: /srv/secret")

    monkeypatch.setattr(sandbox, "status", broken)
    found = part(desk, "sandbox")
    assert (found["status"], found["sentence"]) == ("degraded", "It fails. The site's log tells why.")
    assert "/srv/secret" in caplog.text


def test_only_staff_see_the_parts(client: Client, alice: User, operator: User) -> None:
    _, alices = create_token(user=alice)
    _, olgas = create_token(user=operator)
    assert set(ask(client)[1]) == {"status"}
    assert set(ask(client, Authorization=f"Bearer {alices}")[1]) == {"status"}
    assert set(ask(client, Authorization="Bearer nonsense")[1]) == {"status"}
    assert set(ask(client, Authorization=f"Bearer {olgas}")[1]) == {"status", "parts"}
    client.force_login(alice)
    assert set(ask(client)[1]) == {"status"}


@pytest.mark.parametrize("path", ["/health", "/livez", "/readyz"])
def test_probes_are_asked_anew_and_only_read(client: Client, path: str) -> None:
    assert "no-store" in client.get(path)["Cache-Control"]
    assert client.post(path).status_code == 405
