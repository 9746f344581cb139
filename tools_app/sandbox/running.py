"""A bubblewrap that was started, and how it is killed for certain."""

import asyncio
import json
import os
import signal
from contextlib import suppress
from pathlib import Path

from tools_app.sandbox.limits import Reason

_DEATH_SECONDS = 1.0
_START_SECONDS = 10.0


class Running:
    """A started bubblewrap: its output being read, and what its status channel told of it."""

    def __init__(
        self, process: asyncio.subprocess.Process, status_descriptor: int, reader: "asyncio.Task[Reason]"
    ) -> None:
        self.process = process
        self.reader = reader
        self.first_process: int | None = None
        self.has_run = False
        self._handle: int | None = None  # a pidfd of the sandbox's process 1
        self._status_descriptor = status_descriptor
        self._status = b""
        self._told = asyncio.Event()
        asyncio.get_running_loop().add_reader(status_descriptor, self._read_status)

    async def first(self) -> int | None:
        """The process that is number 1 in the sandbox, as the host counts; None when it ended before it was known."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._told.wait(), _START_SECONDS)
        return self.first_process

    def kill(self) -> None:
        """Kill process 1, and so the kernel kills its whole namespace; and bubblewrap outside, with its group."""
        if self._handle is not None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    async def wait_dead(self) -> None:
        """Wait until no process is left and all output was read, a second at most, and close the channels."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _DEATH_SECONDS
        await asyncio.wait({self.reader}, timeout=_DEATH_SECONDS)  # asyncio tells of no exit while the pipe is full
        for wait in (self.process.wait, self._namespace_dead):
            with suppress(TimeoutError):
                await asyncio.wait_for(wait(), max(0.0, deadline - loop.time()))
        self.reader.cancel()
        self._read_status()
        self._close_status()
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    async def _namespace_dead(self) -> None:
        """A handle becomes readable when its process has ended; process 1 ends after all others of its namespace."""
        if self._handle is None:
            return
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._handle, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._handle)

    def _read_status(self) -> None:
        """Take the lines `{"child-pid": N}` and, if the command was really started, `{"exit-code": N}`."""
        if self._status_descriptor < 0:
            return
        try:
            data = os.read(self._status_descriptor, 65_536)
        except BlockingIOError:
            return
        self._status += data
        *lines, self._status = self._status.split(b"\n")
        for fields in map(json.loads, filter(None, lines)):
            self.has_run = self.has_run or "exit-code" in fields
            if "child-pid" in fields:
                self._open_handle(fields["child-pid"])
        if not data:
            self._close_status()

    def _open_handle(self, process: int) -> None:
        """Hold process 1 by a handle; its number alone could be another process's by the time it is used."""
        try:
            handle = os.pidfd_open(process)
        except ProcessLookupError:
            self._told.set()
            return
        if _parent_of(process) == self.process.pid:
            self._handle, self.first_process = handle, process
        else:
            os.close(handle)
        self._told.set()

    def _close_status(self) -> None:
        if self._status_descriptor >= 0:
            asyncio.get_running_loop().remove_reader(self._status_descriptor)
            os.close(self._status_descriptor)
            self._status_descriptor = -1
        self._told.set()


def _parent_of(process: int) -> int | None:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return int(fields[1])
    except (OSError, ValueError, IndexError):
        return None
