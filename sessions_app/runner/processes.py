"""Which processes are alive on this host: each holds a lock on a file named after itself in the data directory."""

import fcntl
import os
import socket
from pathlib import Path
from typing import IO
from uuid import uuid4

from django.conf import settings


def _folder() -> Path:
    folder: Path = settings.AGENTSITE.data_dir / "processes"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


class ProcessLock:
    """This process's name, `host:id`, alive as long as the lock is held: the kernel lets go of it when the process
    dies."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()}:{uuid4().hex}"
        self._path = _folder() / f"{self.name.split(':')[-1]}.lock"
        self._file: IO[str] = self._path.open("w")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def release(self) -> None:
        """This process executes nothing any more."""
        self._path.unlink(missing_ok=True)
        self._file.close()


def is_dead(name: str) -> bool | None:
    """Whether the named process is dead; None when it is another host's, of which nothing is known."""
    host, _, identity = name.rpartition(":")
    if host != socket.gethostname():
        return None
    path = _folder() / f"{identity}.lock"
    try:
        handle = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(handle)
