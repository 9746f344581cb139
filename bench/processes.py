"""Processes of the benchmark: started on a core of their own, measured, and ended in all cases."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

ROOT = Path(__file__).resolve().parent.parent
SERVER_CORE, LOAD_CORE = 0, 1
PR_SET_PDEATHSIG = 1
START_SECONDS = 60.0
END_SECONDS = 5.0
CORES = sorted(os.sched_getaffinity(0))
_libc = ctypes.CDLL(None)


class DidNotStartError(Exception):
    """A process did not listen in time; the text is the end of its log."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its children have used so far."""

    at: float
    cpu_seconds: float


def pin(core: int) -> None:
    """Keep this process on one core, where there are two."""
    os.sched_setaffinity(0, {CORES[core % len(CORES)]})


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A child process that listens on a port; it dies with this one, whatever happens."""

    def __init__(
        self, arguments: Sequence[str], port: int, core: int, log: Path, environment: Mapping[str, str]
    ) -> None:
        self.port = port
        self.start_seconds = 0.0
        self._arguments = [sys.executable, *arguments]
        self._core = core
        self._log = log
        self._environment = {**os.environ, **environment}

    def __enter__(self) -> Self:
        began = time.monotonic()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._arguments,
                cwd=ROOT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=self._prepare,  # noqa: PLW1509 no threads run yet that could hold a lock
            )
        self._wait_until_listening(began + START_SECONDS)
        self.start_seconds = time.monotonic() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def end(self) -> None:
        """End it with all its children."""
        children = self._family()[1:]
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(END_SECONDS)
        for child in children:
            if child.is_running():
                child.kill()

    def usage(self) -> Usage:
        """CPU seconds of the process and its children until now."""
        total = 0.0
        for process in self._family():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system
        return Usage(time.monotonic(), total)

    def memory_bytes(self) -> int:
        """The proportional memory of the process and its children."""
        return sum(int(process.memory_full_info().pss) for process in self._family())

    def log_end(self) -> str:
        """The last lines it wrote."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])

    def _prepare(self) -> None:
        """In the child, before it becomes what it is to be."""
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        pin(self._core)

    def _family(self) -> list[psutil.Process]:
        try:
            process = psutil.Process(self._process.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _wait_until_listening(self, deadline: float) -> None:
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.end()
        raise DidNotStartError(self.log_end())
