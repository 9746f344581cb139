"""The directory of a session that its tools may touch, and how a path that a model wrote is found in it."""

import os
import subprocess
from pathlib import Path
from uuid import UUID

from django.conf import settings

from tools_app.confined_files import Names
from tools_app.sandbox import MOUNT_POINT, owner_of
from tools_app.types import ToolError


class OutsideWorkspaceError(ToolError):
    """The path leads out of the workspace."""

    def __init__(self) -> None:
        super().__init__(
            "That path leads out of this session's workspace. Use a path inside it, such as notes/todo.txt.",
            code="outside_workspace",
        )


def workspace_for(session_id: UUID) -> Path:
    """The workspace of a session, made when it is not there yet: private to the site, and to its sandbox's user."""
    workspace = _path(session_id)
    workspace.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    workspace.mkdir(mode=0o700, exist_ok=True)
    owner_of(workspace)
    return workspace


def remove_workspace(session_id: UUID) -> None:
    """Delete a workspace with all that is in it; nothing happens when there is none.

    By `rm`, which bears trees nested deeper than Python recurses; directories that sandboxed code locked are unlocked.
    """
    workspace = str(_path(session_id))
    for command in (
        ["/bin/chmod", "-R", "u+rwX", "--", workspace],
        ["/bin/rm", "-rf", "--one-file-system", "--", workspace],
    ):
        if os.path.lexists(workspace):
            subprocess.run(command, env={}, stderr=subprocess.DEVNULL, check=False)  # noqa: S603 - fixed programs


def resolve(workspace: Path, relative: str) -> Path:
    """The real path that `relative` names; it may be written as the sandbox sees it (/workspace/...).

    Raises OutsideWorkspaceError for absolute paths elsewhere, for `..`, and for symbolic links that lead out. What is
    at the path may change right after: whoever opens it does so by `names_of` and `confined_files`.
    """
    inner = Path(relative)
    if inner.is_absolute():
        if not inner.is_relative_to(MOUNT_POINT):
            raise OutsideWorkspaceError
        inner = inner.relative_to(MOUNT_POINT)
    if ".." in inner.parts or "\0" in relative:
        raise OutsideWorkspaceError
    root = workspace.resolve()
    real = Path(os.path.realpath(root / inner))
    if not real.is_relative_to(root):
        raise OutsideWorkspaceError
    return real


def names_of(workspace: Path, relative: str) -> Names:
    """The names that lead from the workspace to the real path of `relative`; none for the workspace itself."""
    return resolve(workspace, relative).relative_to(workspace.resolve()).parts


def _path(session_id: UUID) -> Path:
    return Path(settings.AGENTSITE.data_path) / "workspaces" / str(session_id)
