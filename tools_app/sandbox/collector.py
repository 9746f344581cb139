"""The output of a command: shown while it comes, its first and last part kept, all of it in a file when it is long."""

import asyncio
import codecs
from collections.abc import Callable
from typing import BinaryIO

from agentsite.core.text import clean_text
from tools_app.sandbox.limits import Limits, Reason

_SHOW_SECONDS = 0.04
_READ_BYTES = 64 * 1024


class OutputCollector:
    """Takes stdout and stderr as one stream. `show` gets text at most 25 times a second, as much as is kept.

    `open_whole` makes the file that takes everything once there is more than is kept; None where it cannot be made.
    """

    def __init__(self, show: Callable[[str], None], open_whole: Callable[[], BinaryIO | None], limits: Limits) -> None:
        self._show = show
        self._open_whole = open_whole
        self._limits = limits
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head = bytearray()
        self._tail = bytearray()
        self._whole: BinaryIO | None = None
        self._unshown = ""
        self._showable = limits.kept_bytes
        self._shown_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._flooded = asyncio.Event()
        self.total_bytes = 0

    @property
    def truncated(self) -> bool:
        """Whether there was more than is kept."""
        return self.total_bytes > self._limits.kept_bytes

    @property
    def is_whole_kept(self) -> bool:
        """Whether the file with everything was made."""
        return self._whole is not None

    async def drain(self, stream: asyncio.StreamReader) -> Reason:
        """Read to the end, also past a flood: a pipe that nobody reads would keep its writer alive."""
        while chunk := await stream.read(_READ_BYTES):
            if not self._flooded.is_set():
                self.feed(chunk)
        return ""

    async def flooded(self) -> Reason:
        """Return "output" as soon as there is more than any honest command writes."""
        await self._flooded.wait()
        return "output"

    def feed(self, chunk: bytes) -> None:
        """Take one piece."""
        self.total_bytes += len(chunk)
        self._keep(chunk)
        if self._showable > 0:
            self._take_live(self._decoder.decode(chunk))
        if self.total_bytes > self._limits.output_bytes:
            self._flooded.set()

    def finish(self) -> None:
        """Show what is left and close the file."""
        if self._showable > 0:
            self._take_live(self._decoder.decode(b"", final=True))
        self._flush()
        if self._whole is not None:
            self._whole.close()

    def text(self, path: str | None) -> str:
        """What a model sees; `path` names the file with everything."""
        if not self.truncated:
            return _text(self._head)
        half = self._limits.kept_bytes // 2
        left_out = self.total_bytes - 2 * half
        where = f"; all of it is in {path}" if path else ""
        return f"{_text(self._head[:half])}\n[... {left_out:,} bytes left out{where} ...]\n{_text(self._tail[-half:])}"

    def _keep(self, chunk: bytes) -> None:
        room = self._limits.kept_bytes - len(self._head)
        self._head += chunk[:room]
        rest = chunk[room:]
        if not rest:
            return
        if not self._tail:
            self._whole = self._open_whole()
            self._write(bytes(self._head))
            self._tail += self._head
        self._tail += rest
        del self._tail[: -self._limits.kept_bytes]
        self._write(rest)

    def _write(self, data: bytes) -> None:
        if self._whole is None:
            return
        try:
            self._whole.write(data)
        except OSError:  # a full disk must not end the command: the head and the tail are still kept
            self._whole.close()
            self._whole = None

    def _take_live(self, text: str) -> None:
        self._unshown += text[: self._showable]
        self._showable -= len(text)
        if self._showable <= 0:
            self._unshown += "\n[... the live view ends here ...]\n"
        loop = asyncio.get_running_loop()
        wait = self._shown_at + _SHOW_SECONDS - loop.time()
        if wait <= 0:
            self._flush()
        elif self._timer is None:
            self._timer = loop.call_later(wait, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unshown:
            text, self._unshown = self._unshown, ""
            self._shown_at = asyncio.get_running_loop().time()
            self._show(clean_text(text)[0])


def _text(data: bytes | bytearray) -> str:
    return clean_text(data.decode("utf-8", "replace"))[0]
