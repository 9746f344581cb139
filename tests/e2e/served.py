"""The site as people run it: `manage.py serve` in a process of its own, to be stopped, killed and started again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from agentsite.env import BASE_DIR, declared

START_SECONDS = 60.0
STOP_SECONDS = 15.0
LAST_LINE = "Stop: Ctrl-C"
LINK = re.compile(r"Sign in \(once, within 15 minutes\): (\S+)")
TROUBLE = re.compile(r" (?:ERROR|CRITICAL) |^Traceback |Warning: ")


def environment(data_dir: Path, **variables: str) -> dict[str, str]:
    """Nothing of the developer's configuration, and these variables."""
    kept = {name: value for name, value in os.environ.items() if name not in declared()}
    own = {
        "AGENTSITE_ENV": "development",
        "AGENTSITE_ENV_FILE": os.devnull,
        "AGENTSITE_DATA_DIR": str(data_dir),
        "AGENTSITE_LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }
    return kept | own | variables


def model_variables(port: int) -> dict[str, str]:
    """What an operator sets for a model of their own."""
    return {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": "none", "OPENAI_MODEL": "scripted"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def furnish(data_dir: Path) -> dict[str, str]:
    """Make the tables and the cast in an empty data directory: each person's session cookie by name."""
    command = [sys.executable, "-m", "tests.e2e.furnish"]
    done = subprocess.run(command, cwd=BASE_DIR, env=environment(data_dir), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    cookies: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return cookies


class ServedSite:
    """One data directory on one port, and the process that serves it."""

    def __init__(self, data_dir: Path, **variables: str) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.lines: list[str] = []
        self._environment = environment(data_dir, **variables)
        self._said = threading.Condition()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def link(self) -> str:
        """The sign-in link that it printed last."""
        links = [found[1] for line in self.lines if (found := LINK.search(line))]
        assert links, self.lines
        return links[-1]

    @property
    def trouble(self) -> list[str]:
        """What it logged that nobody should have to read."""
        return [line for line in self.lines if TROUBLE.search(line)]

    def start(self) -> Self:
        """Serve, and come back when it listens."""
        greetings = self._greetings()
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port)]
        self._process = subprocess.Popen(
            command,
            cwd=BASE_DIR,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        with self._said:
            listens = self._said.wait_for(lambda: self._greetings() > greetings or self._ended(), START_SECONDS)
        assert listens, self.lines
        assert not self._ended(), self.lines
        return self

    def stop(self) -> None:
        """Ctrl-C."""
        process = self._running()
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        assert process.returncode == 0, self.lines

    def kill(self) -> None:
        """SIGKILL: no goodbye of any kind."""
        process = self._running()
        process.kill()
        process.wait()

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def _ended(self) -> bool:
        return self._running().poll() is not None

    def _greetings(self) -> int:
        return sum(LAST_LINE in line for line in self.lines)

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as output:
            for line in output:
                with self._said:
                    self.lines.append(line.rstrip())
                    self._said.notify_all()
        with self._said:
            self._said.notify_all()
