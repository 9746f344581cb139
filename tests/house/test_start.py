"""Starting the site as a process: refusals without a traceback, and a clean bill before people use it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.checks import run_checks

from agentsite.env import BASE_DIR, declared


def manage(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with nothing of this process's configuration."""
    kept = {name: value for name, value in os.environ.items() if name not in declared()}
    own = {"AGENTSITE_ENV_FILE": os.devnull, "AGENTSITE_DATA_DIR": str(tmp_path / "data")}
    command = [sys.executable, "manage.py", *arguments]
    environment = kept | own | variables
    return subprocess.run(command, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False)


def test_a_bad_value_stops_the_site_with_a_sentence(tmp_path: Path) -> None:
    ended = manage(tmp_path, "check", AGENTSITE_ENV="production", AGENTSITE_HOSTS="*", PORT="none")
    assert ended.returncode == 1
    assert "agentsite cannot start." in ended.stderr
    assert "PORT is 'none'. Type a number from 0 to 65535 instead, or leave it out." in ended.stderr
    assert "Traceback" not in ended.stderr


def test_production_is_clean_for_a_deployment(tmp_path: Path) -> None:
    ended = manage(
        tmp_path,
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        AGENTSITE_ENV="production",
        AGENTSITE_HOSTS="agents.example.com",
        AGENTSITE_TRUSTED_PROXIES="10.0.0.0/8",
    )
    assert ended.returncode == 0, ended.stderr
    assert "no issues (0 silenced)" in ended.stdout


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"DEBUG": True}, "agentsite.E001"),
        ({"SECRET_KEY": "development"}, "agentsite.E002"),
        ({"ALLOWED_HOSTS": ["*"]}, "agentsite.E003"),
    ],
)
def test_production_is_also_guarded_against_changed_settings(settings, changed: dict[str, object], code: str) -> None:
    settings.AGENTSITE = settings.AGENTSITE.model_copy(update={"env": "production"})
    settings.SECRET_KEY = "k9-Jw2_mZ7qLx4vTn8RbYc3HsPd6FgAe5UoKi1WzQXyMtNrBvC"
    settings.DEBUG = False
    settings.ALLOWED_HOSTS = ["agents.example.com"]
    assert [found.id for found in run_checks(tags=["security"])] == []
    for name, value in changed.items():
        setattr(settings, name, value)
    assert [found.id for found in run_checks(tags=["security"])] == [code]


def test_development_is_not_nagged() -> None:
    assert run_checks() == []


def test_a_misspelt_variable_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTSITE_MAX_RUN", "3")
    assert [(found.id, found.hint) for found in run_checks()] == [
        ("agentsite.W001", "Did you mean AGENTSITE_MAX_RUNS?")
    ]
