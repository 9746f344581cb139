"""What the kernel does not bound by itself: the size of the workspace, and the memory of all processes together.

What one process may have (a file, an address space) is the kernel's to bound; these are sums, polled while it runs.
"""

import asyncio
import os
import shutil
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tools_app.confined_files import walk
from tools_app.sandbox.limits import Limits, Reason

POLL_SECONDS = 0.2
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_BLOCK_BYTES = 512
_EXECUTOR = ThreadPoolExecutor(max_workers=2, thread_name_prefix="sandbox-watcher")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a workspace holds: allocated bytes, and files and directories."""

    size_bytes: int
    files: int
    too_deep: bool = False

    def exceeds(self, limits: Limits, before: "Usage") -> bool:
        """Whether it is over a limit and has grown: a workspace that is too full already may still be cleaned up."""
        return (
            self.size_bytes > max(limits.workspace_bytes, before.size_bytes)
            or self.files > max(limits.workspace_files, before.files)
            or (self.too_deep and not before.too_deep)
        )


def measure(workspace: Path, *, stop_after: int | None = None) -> Usage:
    """The usage of a workspace; with `stop_after`, counting ends when there are more files than that."""
    size_bytes, files, too_deep = 0, 0, False
    for entry in walk(workspace):
        size_bytes += entry.status.st_blocks * _BLOCK_BYTES
        files += 1
        too_deep = too_deep or (entry.is_directory and entry.is_too_deep)
        if stop_after is not None and files > stop_after:
            break
    return Usage(size_bytes, files, too_deep)


async def measure_soon(workspace: Path) -> Usage:
    """`measure` off the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_EXECUTOR, measure, workspace)


async def watch(workspace: Path, limits: Limits, before: Usage, first_process: int) -> Reason:
    """Return the limit that was broken; does not return while none is. `first_process` is process 1 of the sandbox."""
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        reason = await loop.run_in_executor(_EXECUTOR, _broken, workspace, limits, before, first_process)
        if reason:
            return reason


def _broken(workspace: Path, limits: Limits, before: Usage, first_process: int) -> Reason:
    processes = list(_below(first_process))
    if sum(map(_memory_bytes, processes)) > limits.memory_bytes:
        return "memory"
    if shutil.disk_usage(workspace).free < limits.disk_reserve_bytes:
        return "disk"
    usage = measure(workspace, stop_after=max(limits.workspace_files, before.files))
    hidden_bytes = _unlinked_bytes(processes, os.stat(workspace).st_dev)
    whole = Usage(usage.size_bytes + hidden_bytes, usage.files, usage.too_deep)
    return "disk" if whole.exceeds(limits, before) else ""


def _below(process: int) -> Iterator[int]:
    """`process` and all that descend from it; an orphan in the sandbox becomes a child of its process 1."""
    pending = [process]
    while pending:
        current = pending.pop()
        yield current
        try:
            for task in os.listdir(f"/proc/{current}/task"):
                pending += map(int, Path(f"/proc/{current}/task/{task}/children").read_text().split())
        except OSError:
            continue


def _memory_bytes(process: int) -> int:
    """Resident memory of a process without pages of files, which the kernel can drop."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{process}/statm").read_text().split()
    except (OSError, ValueError):
        return 0
    return (int(resident) - int(shared)) * _PAGE_BYTES


def _unlinked_bytes(processes: list[int], device: int) -> int:
    """What deleted files that are still open hold on the disk of the workspace; no walk can see them."""
    found: dict[int, int] = {}
    for process in processes:
        try:
            for descriptor in os.listdir(f"/proc/{process}/fd"):
                status = os.stat(f"/proc/{process}/fd/{descriptor}")
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 0 and status.st_dev == device:
                    found[status.st_ino] = status.st_blocks * _BLOCK_BYTES
        except OSError:
            continue
    return sum(found.values())
