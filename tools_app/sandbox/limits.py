"""What a sandboxed command may use, and how it ended."""

from dataclasses import dataclass
from typing import Literal

_MIB = 1024 * 1024

Reason = Literal["", "timeout", "output", "disk", "memory"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one command. Those of a process hold for each; processes, memory and disk also for all together.

    `kept_bytes` is how much output a model sees (its first and last half); `output_bytes` is when a flood is stopped.
    `disk_reserve_bytes` is what must stay free on the disk of the workspace.
    """

    cpu_seconds: int = 60
    file_bytes: int = 64 * _MIB
    open_files: int = 256
    processes: int = 64
    address_space_bytes: int = 512 * _MIB
    memory_bytes: int = 1024 * _MIB
    temporary_bytes: int = 64 * _MIB
    workspace_bytes: int = 256 * _MIB
    workspace_files: int = 20_000
    disk_reserve_bytes: int = 256 * _MIB
    kept_bytes: int = 64 * 1024
    output_bytes: int = 16 * _MIB


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Finished:
    """How a command ended: `reason` is empty when it ended by itself, else the limit that stopped it.

    `output` is at most `kept_bytes`; when there was more (`truncated`), all of it is in the workspace at `output_path`.
    """

    exit_code: int
    output: str
    truncated: bool
    reason: Reason
    output_path: str | None = None


class SandboxError(Exception):
    """The sandbox could not be started; nothing of the command ran."""
