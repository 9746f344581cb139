"""Where the server's CPU goes: py-spy beside a level, if it is installed and asked for."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAMPLES_A_SECOND = 200


@contextmanager
def profiled(pid: int, folder: Path | None, name: str) -> Iterator[None]:
    """Write `<name>.raw` (folded stacks of all threads that hold the interpreter) into the folder."""
    found = Path(sys.executable).parent / "py-spy"
    program = str(found) if found.exists() else shutil.which("py-spy")
    if folder is None or program is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{name.replace(' ', '-').replace(',', '')}.raw"
    arguments = [program, "record", "--pid", str(pid), "--format", "raw", "--output", str(target), "--gil", "--threads"]
    process = subprocess.Popen(
        [*arguments, "--rate", str(SAMPLES_A_SECOND)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
