"""The real site, on a database of its own: migrated, filled, served as `manage.py serve` does in production."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from bench.processes import ROOT, SERVER_CORE, Server, free_port

PREPARE_SECONDS = 120


class Site:
    """One data directory, and servers on it."""

    def __init__(self, folder: Path, model_url: str) -> None:
        self.folder = folder
        self.database = folder / "db.sqlite3"
        self._waiting: list[str] = []
        self._environment = {
            "AGENTSITE_ENV": "production",
            "AGENTSITE_HTTPS": "false",
            "AGENTSITE_DATA_DIR": str(folder),
            "AGENTSITE_ENV_FILE": os.devnull,
            "AGENTSITE_LOG_LEVEL": "WARNING",
            "AGENTSITE_MAX_RUNS": "1000",
            "AGENTSITE_MAX_SOCKETS_PER_USER": "5000",
            "DATABASE_URL": "",
            "REDIS_URL": "",
            "OPENAI_BASE_URL": model_url,
            "OPENAI_API_KEY": "none",
            "OPENAI_MODEL": "scripted",
        }

    def prepare(self, sessions: int, messages: int) -> None:
        """Make the database and what the load needs."""
        self._run("manage.py", "migrate", "--verbosity", "0")
        self._run("manage.py", "collectstatic", "--noinput", "--verbosity", "0")
        told = self._run("-m", "bench.seed", "--sessions", str(sessions), "--messages", str(messages))
        made: dict[str, Any] = json.loads(told.splitlines()[-1])
        self.token: str = made["token"]
        self.cookie: str = made["cookie"]
        self.long_chat: str = made["long_chat"]
        self._waiting = made["sessions"]

    def take(self, number: int) -> list[str]:
        """So many sessions that were not used before."""
        taken, self._waiting = self._waiting[:number], self._waiting[number:]
        if len(taken) < number:
            raise ValueError(f"{number - len(taken)} sessions too few were made")
        return taken

    def serve(self, name: str) -> Server:
        """A server, pinned to the server's core."""
        port = free_port()
        arguments = ["manage.py", "serve", "--host", "127.0.0.1", "--port", str(port)]
        return Server(arguments, port, SERVER_CORE, self.folder / f"{name}.log", self._environment)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=PREPARE_SECONDS,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
        return done.stdout
