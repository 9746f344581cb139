"""Killed at every fault point, started again: nothing is lost and nothing is done twice."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sessions_app.faults import COMMITS, EFFECTS

ROOT = Path(__file__).parents[2]
POINTS = [f"{commit}.{side}" for commit in COMMITS for side in ("before", "after")] + list(EFFECTS)
# A doubt exists only after a death in the middle of an unsafe effect: the fourth call is the one that asked first.
FIRST_DEATH = {"step.doubt.before": "effect.tool.end:4", "step.doubt.after": "effect.tool.end:4"}


class Nursery:
    """Gives life to one process after another on the data of one site."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def live(self, data_dir: Path, fault: str = "") -> dict[str, Any]:
        """One life: its return code and, if it lived to the end, its report."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"data_dir": str(data_dir), "fault": fault}) + "\n")
        self._process.stdin.flush()
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def dies(self, data_dir: Path, fault: str) -> None:
        """A life that is killed at `fault`."""
        assert self.live(data_dir, fault)["returncode"] == -signal.SIGKILL, f"the story does not pass {fault}"

    def survives(self, data_dir: Path) -> dict[str, Any]:
        """A life to the end."""
        told = self.live(data_dir)
        assert told["returncode"] == 0
        report: dict[str, Any] = told["report"]
        return report


@pytest.fixture(scope="session")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, made once."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "manage.py", "migrate", "-v0"], cwd=ROOT, env=_environment(folder), check=True)
    return folder


@pytest.fixture(scope="session")
def nursery(empty_site: Path) -> Iterator[Nursery]:
    """One process that has imported the site and forks."""
    command = [sys.executable, "-m", "tests.support.survivor"]
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(empty_site), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Nursery(process)
        process.communicate(timeout=10)


@pytest.fixture
def data_dir(empty_site: Path, tmp_path: Path) -> Path:
    """A copy of the empty site for one story."""
    folder = tmp_path / "data"
    shutil.copytree(empty_site, folder)
    return folder


def _environment(folder: Path) -> dict[str, str]:
    own = {"AGENTSITE_ENV": "development", "AGENTSITE_DATA_DIR": str(folder), "AGENTSITE_LOG_LEVEL": "ERROR"}
    return {**os.environ, **own, "DATABASE_URL": ""}


@pytest.mark.parametrize("point", POINTS)
def test_killed_here_and_started_again(point: str, nursery: Nursery, data_dir: Path) -> None:
    """Every run ends, every unsafe effect happened once, and the journal folds to what the rows say."""
    if point in FIRST_DEATH:
        nursery.dies(data_dir, FIRST_DEATH[point])
    nursery.dies(data_dir, point)
    report = nursery.survives(data_dir)
    assert report["open"] == 0
    assert report["unsafe"] == report["distinct"] == 6
    assert len(report["texts"]) == 3


def test_killed_in_the_middle_of_an_unsafe_tool_the_person_is_asked(nursery: Nursery, data_dir: Path) -> None:
    """The effect took place and its outcome was not recorded: it is never silently run again."""
    nursery.dies(data_dir, "effect.tool.end:4")
    assert nursery.survives(data_dir)["recoveries"] >= 1
