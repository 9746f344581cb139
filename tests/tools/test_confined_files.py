"""Paths that a model wrote and directories that hostile code changes: nothing outside is ever read or written."""

import asyncio
import json
import os
import stat
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.attacks.scene import HERE
from tools_app import confined_files, sandbox
from tools_app.types import ToolError
from tools_app.workspace_files import list_below, read_lines, read_whole, write_whole
from tools_app.workspaces import OutsideWorkspaceError, remove_workspace, resolve, workspace_for

SECRET = "a secret of the host"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file outside of the workspace."""
    path = tmp_path / "secret"
    path.write_text(SECRET)
    return path


async def attack(workspace: Path, name: str, secret: Path, **more: object) -> sandbox.Finished:
    """Let sandboxed code prepare the workspace."""
    options = {"timeout_seconds": 5.0, "output": lambda text: None, **more}
    return await sandbox.run_sandboxed(
        [sandbox.interpreter(), "-"],
        workspace=workspace,
        environment={"ATTACK": name, "TARGETS": json.dumps({"outside_file": str(secret)})},
        stdin=(HERE / "attacker.py").read_bytes(),
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("path", ["link", "directory/secret", "relative", "loop", "pipe", "directory"])
async def test_links_laid_by_sandboxed_code_lead_nowhere(workspace: Path, secret: Path, path: str) -> None:
    assert (await attack(workspace, "links", secret)).exit_code == 0
    _try_each_tool(workspace, secret, path)


def _try_each_tool(workspace: Path, secret: Path, path: str) -> None:
    assert (workspace / "link").read_text() == SECRET  # the server's own process could
    for use in (read_lines, read_whole, list_below):
        with pytest.raises(ToolError) as refused:
            use(workspace, path)
        assert SECRET not in refused.value.message
        assert str(secret.parent) not in refused.value.message
    if path in ("loop", "pipe"):
        write_whole(
            workspace, path, "replaced"
        )  # they are inside: the name is taken over, what it meant is not touched
    else:
        with pytest.raises(OutsideWorkspaceError):
            write_whole(workspace, path, "broken in")
    assert secret.read_text() == SECRET
    assert os.listdir(secret.parent) == ["secret"]


async def test_swapping_a_file_for_a_link_wins_no_race(workspace: Path, secret: Path) -> None:
    up = asyncio.Event()
    task = asyncio.create_task(attack(workspace, "swap", secret, timeout_seconds=30.0, output=lambda _: up.set()))
    await up.wait()
    outcomes = await asyncio.to_thread(_try_many_times, workspace, secret)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert SECRET not in outcomes
    assert {"inside"} <= outcomes  # it did read, and
    assert len(outcomes) > 1  # was refused as well: the race was on


def _try_many_times(workspace: Path, secret: Path) -> set[str]:
    outcomes = set()
    for _ in range(1_500):
        for path in ("target", "moving/secret"):
            try:
                outcomes.add(read_lines(workspace, path).text)
            except ToolError as error:
                outcomes.add(error.code)
        try:
            confined_files.replace_file(workspace, ("moving", "secret"), b"broken in")
        except OSError as error:
            outcomes.add(type(error).__name__)
    assert secret.read_text() == SECRET
    return outcomes


@pytest.mark.parametrize("path", ["/etc/shadow", "../x", "a/../../x", "/workspace/../etc/shadow", "a\0b", "/", "//etc"])
def test_a_path_that_leads_out_is_refused(workspace: Path, path: str) -> None:
    with pytest.raises(OutsideWorkspaceError):
        resolve(workspace, path)


@pytest.mark.parametrize("path", ["a/b.txt", "./a//b.txt", "/workspace/a/b.txt"])
def test_a_path_inside_is_found_however_it_is_written(workspace: Path, path: str) -> None:
    assert resolve(workspace, path) == workspace.resolve() / "a" / "b.txt"


def test_a_link_that_stays_inside_may_be_used(workspace: Path) -> None:
    write_whole(workspace, "real/file", "content")
    (workspace / "link").symlink_to("real")
    assert read_whole(workspace, "link/file") == "content"
    write_whole(workspace, "link/file", "changed")
    assert (workspace / "real" / "file").read_text() == "changed"


@given(st.text(max_size=40) | st.lists(st.sampled_from(["..", ".", "/", "a", "workspace", "\0", ""])).map("/".join))
def test_no_path_resolves_outside(path: str) -> None:
    workspace = Path("/tmp/agentsite-no-such-workspace")
    try:
        assert resolve(workspace, path).is_relative_to(workspace)
    except (OutsideWorkspaceError, UnicodeEncodeError):
        return


def test_a_session_has_one_private_workspace(workspace: Path, session_id: UUID) -> None:
    assert workspace_for(session_id) == workspace
    assert stat.S_IMODE(workspace.stat().st_mode) == 0o700
    assert stat.S_IMODE(workspace.parent.stat().st_mode) == 0o700


def test_a_workspace_goes_with_all_that_hides_in_it(workspace: Path, session_id: UUID, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (workspace / "out").symlink_to(tmp_path)
    locked = workspace / "locked"
    locked.mkdir()
    (locked / "file").write_text("x")
    locked.chmod(0)
    asyncio.run(attack(workspace, "deep_directories", tmp_path, timeout_seconds=1.0))
    remove_workspace(session_id)
    assert not workspace.exists()
    assert (tmp_path / "kept").read_text() == "kept"
    remove_workspace(session_id)


async def test_what_tools_and_sandboxed_code_write_is_usable_by_both(workspace: Path) -> None:
    write_whole(workspace, "made/by/tool", "one\n")
    finished = await sandbox.run_sandboxed(
        ["sh", "-c", "echo two >> made/by/tool && umask 077 && echo private > made/by/code"],
        workspace=workspace,
        environment={},
        timeout_seconds=5.0,
        output=lambda text: None,
    )
    assert finished.exit_code == 0, finished.output
    assert read_whole(workspace, "made/by/tool") == "one\ntwo\n"
    assert read_whole(workspace, "made/by/code") == "private\n"


def test_rewriting_keeps_the_mode_and_never_shows_a_half_file(workspace: Path) -> None:
    write_whole(workspace, "run.sh", "#!/bin/sh\n")
    (workspace / "run.sh").chmod(0o755)
    write_whole(workspace, "run.sh", "#!/bin/sh\necho new\n")
    assert stat.S_IMODE((workspace / "run.sh").stat().st_mode) == 0o755
    assert os.listdir(workspace) == ["run.sh"]
