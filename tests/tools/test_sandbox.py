"""What a caller of the sandbox is promised: output, ends, cancel, and a plain answer where it cannot be had."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.tools.attacks.scene import processes_with
from tools_app import sandbox
from tools_app.sandbox import (
    Finished,
    SandboxError,
    command,
    detection,
    filesystem,
    process,
    run_sandboxed,
    seccomp,
)
from tools_app.sandbox.collector import OutputCollector
from tools_app.sandbox.limits import Limits


async def run(workspace: Path, argv: Sequence[str], **more: Any) -> Finished:
    """Run a command with the least that must be said."""
    options: dict[str, Any] = {"environment": {}, "timeout_seconds": 10.0, "output": lambda text: None, **more}
    return await run_sandboxed(argv, workspace=workspace, **options)


async def test_a_command_reads_and_writes_the_workspace(workspace: Path) -> None:
    (workspace / "given").write_text("four words of text")
    finished = await run(workspace, ["sh", "-c", "wc -w < given; echo made > made; exit 3"])
    assert finished == Finished(3, "4\n", truncated=False, reason="")
    assert (workspace / "made").read_text() == "made\n"


async def test_the_environment_is_what_was_given_and_nothing_of_the_servers(workspace: Path) -> None:
    value = 'it\'s "quoted" $HOME `id`\nsecond line'
    finished = await run(workspace, ["printenv", "TOKEN"], environment={"TOKEN": value})
    assert finished.output == value + "\n"
    names = (await run(workspace, ["sh", "-c", "env | cut -d= -f1"])).output.split()
    assert set(names) <= {*command.BASE_ENVIRONMENT, "PWD", "OLDPWD", "SHLVL", "_"}


async def test_a_loader_variable_is_not_seen_by_what_starts_with_more_rights(workspace: Path) -> None:
    finished = await run(workspace, ["/bin/echo", "fine"], environment={"LD_PRELOAD": "/workspace/evil.so"})
    complaints = [line for line in finished.output.splitlines() if "evil.so" in line]
    assert len(complaints) == 1  # by echo itself; setpriv, prlimit and nice would have complained before
    assert finished.output.endswith("fine\n")


@pytest.mark.parametrize("environment", [{"A B": "x"}, {"": "x"}, {"A": "x\0--bind\0/\0/host"}, {"A=B": "x"}])
async def test_an_environment_that_could_smuggle_options_is_refused(
    workspace: Path, environment: dict[str, str]
) -> None:
    with pytest.raises(SandboxError) as refused:
        await run(workspace, ["true"], environment=environment)
    assert "x" not in str(refused.value).split()


async def test_secrets_are_on_no_command_line(workspace: Path) -> None:
    task = asyncio.create_task(
        run(workspace, ["sh", "-c", "echo up; sleep 30"], environment={"TOKEN": "hush-4711"}, output=lambda _: up.set())
    )
    up = asyncio.Event()
    await up.wait()
    assert processes_with("sleep 30")
    assert processes_with("hush-4711") == []
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_standard_input_is_given_whole(workspace: Path) -> None:
    assert (await run(workspace, ["wc", "-c"], stdin=b"x" * 300_000)).output == "300000\n"


async def test_output_comes_while_it_runs_and_is_whole_at_the_end(workspace: Path) -> None:
    pieces: list[str] = []
    script = "for i in $(seq 300); do echo line $i; done; printf 'caf\\303'; sleep 0.2; printf '\\251\\0'"
    finished = await run(workspace, ["bash", "-c", script], output=pieces.append)
    assert finished.output.endswith("line 300\ncafé\ufffd")
    assert "".join(pieces) == finished.output
    assert 2 <= len(pieces) < 20


async def test_long_output_goes_to_a_file_and_head_and_tail_are_told(workspace: Path) -> None:
    finished = await run(workspace, ["seq", "100000"], output_path=".agentsite/output-1.txt")
    assert finished.truncated
    assert finished.output_path == ".agentsite/output-1.txt"
    assert (workspace / finished.output_path).read_text() == "".join(f"{n}\n" for n in range(1, 100_001))
    assert finished.output.startswith("1\n2\n")
    assert finished.output.endswith("99999\n100000\n")
    assert ".agentsite/output-1.txt" in finished.output
    assert len(finished.output) < 67_000


def test_a_link_where_the_output_goes_is_not_followed(workspace: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (workspace / ".agentsite").mkdir()
    (workspace / ".agentsite" / "output.txt").symlink_to(victim)
    assert asyncio.run(run(workspace, ["seq", "100000"])).output_path == ".agentsite/output.txt"
    (workspace / "elsewhere").symlink_to(tmp_path)
    assert asyncio.run(run(workspace, ["seq", "100000"], output_path="elsewhere/victim")).output_path is None
    assert victim.read_text() == "untouched"


async def test_cancelling_leaves_nothing_behind_within_a_second(workspace: Path) -> None:
    up = asyncio.Event()
    script = "trap '' TERM INT HUP; (setsid sleep 31.4159 &) ; echo up; sleep 31.4159"
    task = asyncio.create_task(run(workspace, ["bash", "-c", script], output=lambda _: up.set()))
    await up.wait()
    loop = asyncio.get_running_loop()
    began = loop.time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert loop.time() - began < 1.0
    assert processes_with("31.4159") == []


async def test_cancelling_twice_and_at_once_leaves_nothing_behind(workspace: Path) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    for turns in range(12):
        task = asyncio.create_task(run(workspace, ["sleep", "27.1828"]))
        for _ in range(turns * 4):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    if process._endings:
        await asyncio.wait(process._endings)
    assert processes_with("27.1828") == []
    others = 4  # threads of the process may open a database meanwhile; a leak would be one for each of the 12 turns
    assert len(os.listdir("/proc/self/fd")) <= descriptors + others


async def test_a_command_that_closes_its_output_is_waited_for(workspace: Path) -> None:
    assert (await run(workspace, ["sh", "-c", "exec >&- 2>&-; sleep 0.3; exit 7"])).exit_code == 7


async def test_a_missing_program_is_a_result(workspace: Path) -> None:
    finished = await run(workspace, ["no-such-program"])
    assert finished.exit_code == 127
    assert "not found" in finished.output


async def test_two_at_once_in_one_workspace(workspace: Path) -> None:
    both = await asyncio.gather(*(run(workspace, ["sh", "-c", f"echo {n} > {n}; ls | wc -l"]) for n in (1, 2)))
    assert [finished.exit_code for finished in both] == [0, 0]
    assert sorted(os.listdir(workspace)) == ["1", "2"]


async def test_a_sandbox_that_cannot_start_is_an_error_without_details(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(filesystem, "WORKSPACE", "/proc/nowhere")
    with pytest.raises(SandboxError) as failed:
        await run(workspace, ["true"])
    assert str(failed.value) == "the sandbox could not start"
    assert "bwrap" in caplog.text


def test_it_works_on_uvloop_too(workspace: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run(workspace, ["echo", "fast"])).output == "fast\n"
        assert runner.run(run(workspace, ["yes"])).reason == "output"


async def test_the_servers_interpreter_serves_where_the_system_has_none(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filesystem, "_SYSTEM_PYTHONS", ())
    code = b"import json, sys; print(sys.prefix, sys.version_info[:2])"
    finished = await run(workspace, [sandbox.interpreter(), "-"], stdin=code)
    assert finished.output == f"/opt/python {sys.version_info[:2]}\n"


def test_the_status_says_how_it_works_or_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert detection.status().available
    assert detection.status().mechanism["program"].startswith("bubblewrap")
    assert detection.status() is detection.status()
    for break_it, words in _BREAKAGES:
        with monkeypatch.context() as patch:
            break_it(patch)
            status = detection.status.__wrapped__()
            assert not status.available
            assert words in status.reason


def _without_bubblewrap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(command, "SEARCH_PATH", "/nowhere")


def _on_another_processor(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(seccomp.platform, "machine", lambda: "riscv64")


def _where_the_kernel_refuses(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(command, "_namespaces", lambda: ["--unshare-pid", "--no-such-option"])


_BREAKAGES: list[tuple[Callable[[pytest.MonkeyPatch], None], str]] = [
    (_without_bubblewrap, "apt-get install bubblewrap"),
    (_on_another_processor, "x86_64"),
    (_where_the_kernel_refuses, "no-such-option"),
]


def test_each_workspace_has_a_user_of_its_own(workspace: Path, tmp_path: Path) -> None:
    if not command.is_root():
        assert command.owner_of(workspace) == 1_000
        return
    owners = set()
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        owners.add(command.owner_of(tmp_path / str(number)))
        assert (tmp_path / str(number)).stat().st_uid in range(60_000, 65_000)
    assert len(owners) > 15


async def test_what_is_kept_of_long_output_is_its_head_and_tail() -> None:
    collector = OutputCollector(lambda text: None, lambda: None, Limits(kept_bytes=10))
    for piece in (b"0123", b"456789abc", b"defghij"):
        collector.feed(piece)
    collector.finish()
    assert collector.text(None) == "01234\n[... 10 bytes left out ...]\nfghij"
    assert not collector.is_whole_kept
