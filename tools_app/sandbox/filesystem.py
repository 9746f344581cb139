"""What a sandboxed command sees as its file system, as arguments of bubblewrap."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tools_app.sandbox.limits import Limits

WORKSPACE = "/workspace"
TEMPORARY = "/tmp"  # noqa: S108 - inside the sandbox, where it is private
ENVIRONMENT_FILE = "/run/agentsite/environment"
PROJECT = Path(__file__).resolve().parents[2]
BOUND_PYTHON = "/opt/python"
_SYSTEM_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
_SYSTEM_DIRECTORIES = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
_ETC = (
    "alternatives",
    "ca-certificates.conf",
    "host.conf",
    "inputrc",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "magic",
    "mime.types",
    "os-release",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
    "timezone",
)
_DIRECTORIES = ("/etc", "/etc/ssl", "/opt", "/run", "/run/agentsite", "/var")
FILES = {
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files\n",
    "/etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
}


def interpreter() -> str:
    """The Python of the sandbox: the system's, else the one that runs the server (bound by `mounts`)."""
    for path in _SYSTEM_PYTHONS:
        if os.access(path, os.X_OK):
            return path
    return f"{BOUND_PYTHON}/bin/python{sys.version_info.major}.{sys.version_info.minor}"


def users(uid: int) -> dict[str, str]:
    """The account files of the sandbox: the host's names are none of its business."""
    return {
        "/etc/passwd": f"root:x:0:0:root:/:/bin/sh\nagent:x:{uid}:{uid}:agent:{WORKSPACE}:/bin/sh\n",
        "/etc/group": f"root:x:0:\nagent:x:{uid}:\n",
    }


def mounts(workspace: Path, limits: Limits, hidden: Sequence[Path]) -> list[str]:
    """The mounts, without the files that come from descriptors; `seal` must follow them.

    Directories are made explicitly with mode 0755, since bubblewrap makes the parents of a bound file 0700.
    """
    arguments: list[str] = []
    for directory in _DIRECTORIES:
        arguments += ["--perms", "0755", "--dir", directory]
    binds = _system_binds()
    for source, target in binds:
        arguments += ["--ro-bind", source, target]
    for name in _SYSTEM_DIRECTORIES:
        if os.path.islink(f"/{name}"):
            arguments += ["--symlink", os.readlink(f"/{name}"), f"/{name}"]
    for name in _ETC:
        arguments += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    arguments += _masks(binds, [PROJECT, *hidden])
    arguments += ["--proc", "/proc", "--dev", "/dev"]
    for target in (TEMPORARY, "/dev/shm"):  # noqa: S108 - inside the sandbox, where it is private
        arguments += ["--perms", "1777", "--size", str(limits.temporary_bytes), "--tmpfs", target]
    return [*arguments, "--symlink", TEMPORARY, f"/var{TEMPORARY}", "--bind", str(workspace), WORKSPACE]


def seal() -> list[str]:
    """Read-only what bubblewrap itself made as unbounded memory file systems that an ordinary user could fill."""
    return ["--remount-ro", "/dev", "--remount-ro", "/"]


def _system_binds() -> list[tuple[str, str]]:
    names = ["usr", *(name for name in _SYSTEM_DIRECTORIES if not os.path.islink(f"/{name}"))]
    binds = [(f"/{name}", f"/{name}") for name in names if os.path.isdir(f"/{name}")]
    if interpreter().startswith(BOUND_PYTHON):
        binds.append((os.path.realpath(sys.base_prefix), BOUND_PYTHON))
    return binds


def _masks(binds: Sequence[tuple[str, str]], hidden: Sequence[Path]) -> list[str]:
    """An empty directory over each hidden one that a bound directory would show."""
    arguments: list[str] = []
    for path in map(Path.resolve, hidden):
        for source, target in binds:
            if path.is_relative_to(source) and path.is_dir():
                place = str(Path(target) / path.relative_to(source))
                arguments += ["--tmpfs", place, "--remount-ro", place]
    return arguments
