"""Paced streams of the benchmark's model server, all from one timer."""

import asyncio
import time
from dataclasses import dataclass, field

from tests.support.replies import DONE, chunk, usage_chunk


def http_chunk(data: bytes) -> bytes:
    """One chunk of a chunked HTTP body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


@dataclass(slots=True)
class Ticker:
    """One timer for all paced streams of the benchmark: a thousand sleeping tasks would measure themselves."""

    tokens: int
    rate: float
    stamps: bool = False
    token: bytes = field(default_factory=lambda: http_chunk(chunk({"content": "word "})))
    streams: dict[asyncio.StreamWriter, tuple[float, int, "asyncio.Future[None]"]] = field(default_factory=dict)

    async def stream(self, writer: asyncio.StreamWriter) -> None:
        """Send all tokens of one answer and its terminal frames."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.streams[writer] = (time.monotonic(), 0, done)
        try:
            await done
        finally:
            self.streams.pop(writer, None)
        for piece in (chunk({}, "stop"), usage_chunk(10, self.tokens), DONE):
            writer.write(http_chunk(piece))

    async def run(self) -> None:
        """Every 2 ms send what is due."""
        while True:
            now = time.monotonic()
            for writer, (began, sent, done) in list(self.streams.items()):
                due = min(self.tokens, int((now - began) * self.rate) + 1)
                if due > sent:
                    writer.write(self._token() * (due - sent))
                    self.streams[writer] = (began, due, done)
                if due == self.tokens and not done.done():
                    done.set_result(None)
            await asyncio.sleep(0.002)

    def _token(self) -> bytes:
        if not self.stamps:
            return self.token
        return http_chunk(chunk({"content": f"{time.monotonic_ns() // 1000} "}))
