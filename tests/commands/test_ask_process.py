"""`manage.py ask` as a process of its own: Ctrl-C and a reader that goes away stop the run at once."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("createsuperuser", interactive=False, username="olga", email="olga@example.com", verbosity=0)
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A fresh site with an administrator."""
    data = tmp_path_factory.mktemp("site")
    environment = os.environ | {"AGENTSITE_DATA_DIR": str(data), "DATABASE_URL": "", "PYTHONUNBUFFERED": "1"}
    subprocess.run([sys.executable, "-c", PREPARE], cwd=ROOT, env=environment, check=True, timeout=SECONDS)
    return environment


def begin(environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """Ask for a long answer and wait until it streams."""
    asking = subprocess.Popen(
        [sys.executable, "manage.py", "ask", "Write 5000 words."],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert asking.stdout is not None
    assert len(asking.stdout.read(20)) == 20
    return asking


def statuses(environment: dict[str, str]) -> list[str]:
    """How the runs ended."""
    with sqlite3.connect(Path(environment["AGENTSITE_DATA_DIR"]) / "db.sqlite3") as database:
        return [row[0] for row in database.execute("SELECT status FROM sessions_app_run ORDER BY queued_at")]


def test_the_run_stops_with_who_asked(environment: dict[str, str]) -> None:
    asking = begin(environment)
    asking.send_signal(signal.SIGINT)
    _, err = asking.communicate(timeout=SECONDS)
    assert (asking.returncode, err.decode()) == (130, "CommandError: Stopped by the person.\n")

    asking = begin(environment)
    assert asking.stdout is not None
    assert asking.stderr is not None
    asking.stdout.close()
    assert asking.wait(timeout=SECONDS) == 130
    assert asking.stderr.read().decode() == "CommandError: Nobody reads the answer any more; its run is stopped.\n"
    asking.stderr.close()
    assert statuses(environment) == ["cancelled", "cancelled"]
