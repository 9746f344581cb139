"""Whether code can be sandboxed on this machine: found out by doing it once."""

import functools
import os
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools_app.sandbox import command, filesystem, seccomp
from tools_app.sandbox.limits import DEFAULT_LIMITS, SandboxError

INSTALL = "apt-get install bubblewrap"
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """Whether the sandbox works here; `reason` says in the operator's words why not and what to do."""

    available: bool
    reason: str = ""
    mechanism: dict[str, Any] = field(default_factory=dict)


@functools.cache
def status() -> SandboxStatus:
    """Start a sandbox that does nothing, once a process; `status.cache_clear()` makes the next call try again."""
    try:
        version = _version(command.program("bwrap"))
    except SandboxError:
        return SandboxStatus(False, f"Code cannot run here: bubblewrap is not installed. As root: {INSTALL}")
    if not seccomp.is_supported():
        return SandboxStatus(False, "Code cannot run here: the sandbox knows x86_64 and aarch64 processors only.")
    try:
        complaint = _try()
    except (SandboxError, OSError, subprocess.SubprocessError) as error:
        complaint = str(error) if isinstance(error, SandboxError) else type(error).__name__
    if complaint is None:
        return SandboxStatus(True, mechanism=_mechanism(version))
    return SandboxStatus(False, f"Code cannot run here: {version} cannot start ({complaint}). {_remedy()}")


def _try() -> str | None:
    """Write a file in a sandboxed workspace; None when that worked, else bubblewrap's complaint."""
    with tempfile.TemporaryDirectory(prefix="agentsite-") as name, ExitStack() as resources:
        reader, writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        resources.callback(os.close, reader)
        resources.callback(os.close, writer)
        invocation = command.build(
            ["/bin/sh", "-c", "echo works > probe"],
            workspace=Path(name),
            environment={},
            limits=DEFAULT_LIMITS,
            hidden=(),
            status_descriptor=writer,
            resources=resources,
        )
        done = subprocess.run(  # noqa: S603 - our own command line
            invocation.argv,
            env=command.BASE_ENVIRONMENT,
            pass_fds=invocation.descriptors,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        if done.returncode == 0 and (Path(name) / "probe").is_file():
            return None
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return lines[0].removeprefix("bwrap: ")[:200] if lines else f"exit code {done.returncode}"


def _version(program: str) -> str:
    done = subprocess.run(  # noqa: S603 - a program of the system
        [program, "--version"], env={}, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    return done.stdout.strip() or "bubblewrap"


def _mechanism(version: str) -> dict[str, Any]:
    return {
        "program": version,
        "mode": "root, one user per workspace" if command.is_root() else "ordinary user, user namespace",
        "system_call_filter": True,
        "python": filesystem.interpreter(),
    }


def _remedy() -> str:
    if command.is_root():
        return "Version 0.8 or newer is needed; in a container, it needs the right to make namespaces."
    return "Version 0.8 or newer is needed, and the kernel must let ordinary users make user namespaces."
