"""How many transactions SQLite commits: the commit frames in its write-ahead log are counted while it grows.

Each frame of the log has 24 bytes before its page; the last frame of a transaction, and no other, holds the size of the
database there (https://www.sqlite.org/fileformat2.html#walformat). A log that begins anew has other salts. It costs the
site nothing, and counts what no counter inside the site could leave out.
"""

import asyncio
import os
from pathlib import Path

HEADER, FRAME = 32, 24
LOOK_SECONDS = 0.05


class TransactionCounter:
    """Counts from `__aenter__` to `__aexit__`."""

    def __init__(self, database: Path) -> None:
        self.count = 0
        self._path = Path(f"{database}-wal")
        self._salts = b""
        self._offset = HEADER

    async def __aenter__(self) -> "TransactionCounter":
        self._file = os.open(self._path, os.O_RDONLY)
        self.look()
        self.count = 0
        self._looking = asyncio.create_task(self._look_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._looking.cancel()
        self.look()
        os.close(self._file)

    def look(self) -> None:
        """Count the commits since the last look."""
        header = os.pread(self._file, HEADER, 0)
        if len(header) < HEADER:
            return
        page, salts = int.from_bytes(header[8:12], "big"), header[16:24]
        if salts != self._salts:
            self._salts, self._offset = salts, HEADER
        while True:
            frame = os.pread(self._file, FRAME, self._offset)
            if len(frame) < FRAME or frame[8:16] != salts:
                return
            self.count += frame[4:8] != b"\0\0\0\0"
            self._offset += FRAME + page

    async def _look_for_ever(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()
