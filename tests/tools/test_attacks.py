"""Attacks from inside the sandbox, as root and as an ordinary user; what harms nobody is tried without it as well."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.tools.attacks.scene import HERE, ORDINARY_UID, Scene, processes_with, scene

SECONDS = 5.0
ATTEMPTS = ["host_files", "environment", "signals", "writes_outside"]
KERNEL_ATTEMPTS = ["namespaces", "kernel_doors", "privileges"]
BOUNDED = ["fill_one_file", "fill_memory_disks", "memory", "forks"]
STOPPED = {
    "fill_many_files": "disk",
    "fill_unlinked_files": "disk",
    "fill_hidden_directory": "disk",
    "many_inodes": "disk",
    "deep_directories": "disk",
    "memory_of_many": "memory",
    "output_flood": "output",
}


def cannot(reason: str, *, is_possible: bool = False) -> None:
    """Skip where it is truly impossible; in CI that is a failure, and everywhere when the machine could do it."""
    if is_possible or os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(params=["root", "ordinary user"])
def stage(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """A scene as root and one as an ordinary user."""
    if os.geteuid() != 0 and request.param == "root":
        cannot("The tests do not run as root.")
    with scene(0 if request.param == "root" else os.geteuid() or ORDINARY_UID) as made:
        yield made


def run(stage: Scene, attack: str, **more: Any) -> dict[str, Any]:
    """Run an attack that must have ended in time."""
    outcome = stage.attack(attack, **more)
    if "unavailable" in outcome:
        cannot(outcome["unavailable"], is_possible=stage.can_have_namespaces())
    assert outcome["seconds"] < SECONDS
    return outcome


@pytest.mark.parametrize("attack", ATTEMPTS)
def test_nothing_of_the_host_can_be_reached(stage: Scene, attack: str) -> None:
    outcome = run(stage, attack)
    assert json.loads(outcome["output"]) == []
    assert outcome["exit_code"] == 0
    assert stage.control(attack) != []


def test_no_server_of_the_host_hears_anything(stage: Scene) -> None:
    run(stage, "loopback")
    assert stage.heard() == []
    stage.control("loopback")
    assert stage.heard() == ["tcp", "udp", "abstract", "pathname"]


@pytest.mark.parametrize("attack", KERNEL_ATTEMPTS)
def test_the_kernel_gives_no_rights(stage: Scene, attack: str) -> None:
    outcome = run(stage, attack)
    assert json.loads(outcome["output"]) == []
    assert stage.control(attack) != []


@pytest.mark.parametrize("attack", BOUNDED)
def test_the_kernel_bounds_what_one_process_takes(stage: Scene, attack: str) -> None:
    outcome = run(stage, attack)
    assert json.loads(outcome["output"]) == []


@pytest.mark.parametrize(
    ("attack", "limits"),
    [
        ("forks", {"processes": 1_000, "memory_bytes": 8 << 30}),
        ("memory", {"address_space_bytes": 4 << 30, "memory_bytes": 4 << 30}),
    ],
)
def test_it_is_the_limit_that_bounds_it(stage: Scene, attack: str, limits: dict[str, int]) -> None:
    assert json.loads(stage.attack(attack, limits=limits)["output"]) != []


@pytest.mark.parametrize("attack", STOPPED)
def test_what_all_processes_take_together_is_watched(stage: Scene, attack: str) -> None:
    quarter = {"memory_bytes": 256 << 20, "workspace_files": 5_000}  # a busy machine takes seconds to fill the defaults
    outcome = run(stage, attack, limits=quarter)
    assert outcome["reason"] == STOPPED[attack]
    assert processes_with(stage.targets["marker"]) == []


def test_a_gigabyte_in_one_file_ends_at_its_limit(stage: Scene) -> None:
    run(stage, "fill_one_file")
    assert (stage.workspace / "big").stat().st_size == 64 << 20


def test_a_full_workspace_can_be_cleaned_up_but_not_filled_further(stage: Scene) -> None:
    small = {"workspace_bytes": 32 << 20}
    assert run(stage, "fill_many_files", limits=small)["reason"] == "disk"
    assert run(stage, "clean_up", limits={"workspace_bytes": 1})["reason"] == ""
    assert run(stage, "fill_unlinked_files", limits={"workspace_bytes": 1})["reason"] == "disk"


def test_a_daemon_is_dead_when_the_call_returns(stage: Scene) -> None:
    outcome = run(stage, "daemon")
    assert outcome["exit_code"] == 0
    assert processes_with(stage.targets["marker"]) == []


def test_time_is_up(stage: Scene) -> None:
    outcome = run(stage, "stay", timeout=0.5)
    assert outcome["reason"] == "timeout"
    assert outcome["seconds"] < 1.5
    assert processes_with(stage.targets["marker"]) == []


def test_a_killed_server_takes_its_sandboxes_along(stage: Scene) -> None:
    driver = subprocess.Popen(
        [sys.executable, str(HERE / "driver.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={},
    )
    assert driver.stdin is not None
    assert driver.stderr is not None
    with driver:
        driver.stdin.write(stage.request("stay", timeout=60))
        driver.stdin.close()
        assert driver.stderr.readline() == "ready\n"
        handles = [os.pidfd_open(process) for process in processes_with(stage.targets["marker"])]
        assert handles
        driver.send_signal(signal.SIGKILL)
    try:
        for handle in handles:
            ended, _, _ = select.select([handle], [], [], SECONDS)
            assert ended
    finally:
        for handle in handles:
            os.close(handle)
    assert processes_with(stage.targets["marker"]) == []


def test_the_projects_directory_is_masked_where_a_system_directory_would_show_it(stage: Scene) -> None:
    stage.targets["secret_paths"] = ["/usr/share/zoneinfo/Europe"]
    shown = json.loads(run(stage, "host_files")["output"])
    assert shown
    assert json.loads(run(stage, "host_files", hidden=["/usr/share/zoneinfo"])["output"]) == []
