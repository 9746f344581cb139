"""The command line that starts a sandbox, and the descriptors it reads from.

Everything but the command itself goes through descriptors: every user of the host can read command lines. The
environment is a model's choice and is set inside, by a shell that has no rights left: bubblewrap and setpriv have more
and must not see a name such as LD_PRELOAD.
"""

import os
import re
import resource
import shlex
import shutil
import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tools_app.sandbox import filesystem, seccomp
from tools_app.sandbox.limits import Limits, SandboxError

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE_ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
    "HOME": filesystem.WORKSPACE,
    "USER": "agent",
    "LANG": "C.UTF-8",
    "TERM": "dumb",
    "TMPDIR": filesystem.TEMPORARY,
    "PYTHONUNBUFFERED": "1",
    "PYTHONDONTWRITEBYTECODE": "1",
}
FIRST_UID = 60_000
UIDS = 5_000
_UID_AS_USER = 1_000
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_NICENESS = "10"  # the server and its watcher go first


@dataclass(frozen=True, slots=True)
class Invocation:
    """How to start it: the argument vector and the descriptors that the child must get with the same numbers."""

    argv: list[str]
    descriptors: tuple[int, ...]


def is_root() -> bool:
    """Whether the server runs as root: then a sandbox gets a user of its own instead of a user namespace."""
    return os.geteuid() == 0


def uid_for(name: str) -> int:
    """The user of the sandboxes of one workspace: its own, so that the kernel counts its processes by themselves."""
    return FIRST_UID + zlib.crc32(name.encode()) % UIDS


def owner_of(workspace: Path) -> int:
    """The user a sandbox of this workspace runs as; as root, makes it the workspace's owner when it is not yet."""
    if not is_root():
        return _UID_AS_USER
    owner = workspace.stat().st_uid
    if FIRST_UID <= owner < FIRST_UID + UIDS:
        return owner
    uid = uid_for(workspace.name)
    os.chown(workspace, uid, uid)
    return uid


def program(name: str) -> str:
    """The path of a program of the host. Raises SandboxError."""
    path = shutil.which(name, path=SEARCH_PATH)
    if path is None:
        raise SandboxError(f"{name} is not installed")
    return path


def build(
    argv: Sequence[str],
    *,
    workspace: Path,
    environment: Mapping[str, str],
    limits: Limits,
    hidden: Sequence[Path],
    status_descriptor: int,
    resources: ExitStack,
) -> Invocation:
    """The invocation for `argv`; its descriptors are closed with `resources`. Raises SandboxError."""
    uid = owner_of(workspace)
    files = {**filesystem.FILES, **filesystem.users(uid)}
    if environment:
        files[filesystem.ENVIRONMENT_FILE] = _exports(environment)
    filter_file = _memory_file("filter", seccomp.program(), resources)
    options = [*_namespaces(), *filesystem.mounts(workspace, limits, hidden)]
    descriptors = [status_descriptor, filter_file]
    for target, content in files.items():
        descriptors.append(_memory_file("file", content.encode(), resources))
        options += ["--perms", "0444", "--file", str(descriptors[-1]), target]
    options += [*filesystem.seal(), "--chdir", "/"]
    options += ["--seccomp", str(filter_file), "--json-status-fd", str(status_descriptor)]
    descriptors.append(_memory_file("options", _joined(options), resources))
    start = [program("bwrap"), "--args", str(descriptors[-1]), "--"]
    return Invocation([*start, *_lower(uid, limits), *_enter(environment), *argv], tuple(descriptors))


def memory_input(data: bytes, resources: ExitStack) -> int:
    """A descriptor that reads `data`, for standard input: no writer has to be fed."""
    return _memory_file("input", data, resources)


def _namespaces() -> list[str]:
    options = ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    options += ["--hostname", "sandbox", "--die-with-parent", "--new-session"]
    if is_root():
        return [*options, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    uid = str(_UID_AS_USER)
    return [*options, "--unshare-user", "--disable-userns", "--uid", uid, "--gid", uid]


def _lower(uid: int, limits: Limits) -> list[str]:
    """Take rights and resources away, inside the sandbox and before anything a model chose is run or read."""
    command = [
        *(program("nice"), "-n", _NICENESS),
        program("prlimit"),
        f"--cpu={_at_most(resource.RLIMIT_CPU, limits.cpu_seconds)}",
        f"--fsize={_at_most(resource.RLIMIT_FSIZE, limits.file_bytes)}",
        f"--nofile={_at_most(resource.RLIMIT_NOFILE, limits.open_files)}",
        f"--nproc={_at_most(resource.RLIMIT_NPROC, limits.processes)}",
        f"--as={_at_most(resource.RLIMIT_AS, limits.address_space_bytes)}",
        "--core=0",
        "--",
    ]
    if is_root():
        command += [program("setpriv"), f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--"]
    return command


def _at_most(kind: int, wanted: int) -> int:
    """The wanted limit, or the server's own where that is lower: nobody without rights can raise it."""
    own = resource.getrlimit(kind)[1]
    return wanted if own == resource.RLIM_INFINITY else min(wanted, own)


def _enter(environment: Mapping[str, str]) -> list[str]:
    """Go to the workspace and set the environment, as the workspace's owner: only he may, and nobody else should."""
    export = f". {filesystem.ENVIRONMENT_FILE} && " if environment else ""
    return ["/bin/sh", "-c", f'cd {filesystem.WORKSPACE} && {export}exec "$@"', "sh"]


def _exports(environment: Mapping[str, str]) -> str:
    for name, value in environment.items():
        if not _NAME.match(name) or "\0" in value:
            raise SandboxError("an environment variable has a name or a value that cannot be set")
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def _joined(options: Sequence[str]) -> bytes:
    if any("\0" in option for option in options):
        raise SandboxError("an option holds a NUL character")
    return b"".join(os.fsencode(option) + b"\0" for option in options)


def _memory_file(name: str, content: bytes, resources: ExitStack) -> int:
    descriptor = os.memfd_create(name)
    resources.callback(os.close, descriptor)
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor
