"""A scripted model server, OpenAI-compatible, that costs little: one timer for all streams, chunks made beforehand.

The prompt says how many tokens come and how fast (`answer.prompt`). For each answer the server remembers when it was
asked, when each token went out (`time.monotonic()`, one clock for all processes of a machine) and when the client left;
`GET /log` gives that out and forgets it.
"""

import argparse
import asyncio
import heapq
import json
import re
import time
from array import array
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any, cast

import uvloop

from bench.answer import read_prompt, token

TICK_SECONDS = 0.002
BLOCK = 10
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_MODELS = json.dumps({"object": "list", "data": [{"id": "scripted", "object": "model"}]}).encode()


@dataclass(slots=True)
class Exchange:
    """One request and what became of it."""

    key: str
    tokens: int
    rate: float
    requested_at: float
    usage: bool
    sent: "array[float]" = field(default_factory=lambda: array("d"))
    finished: bool = False
    closed_at: float = 0.0

    def public(self) -> dict[str, Any]:
        """What the driver is told."""
        return {
            "key": self.key,
            "requested_at": self.requested_at,
            "sent": self.sent.tolist(),
            "finished": self.finished,
            "closed_at": self.closed_at,
        }


class Model:
    """All exchanges, and the timer that moves them on."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self._due: list[tuple[float, int, Connection]] = []
        self._greedy: list[Connection] = []
        self._serial = count()

    def begin(self, connection: "Connection", exchange: Exchange) -> None:
        """Stream an answer from now on."""
        self.exchanges.append(exchange)
        if exchange.rate:
            self._schedule(connection, exchange.requested_at + 1 / exchange.rate)
        else:
            self._greedy.append(connection)

    def log(self) -> bytes:
        """What happened since the last time this was asked."""
        told, self.exchanges = self.exchanges, []
        return json.dumps([exchange.public() for exchange in told]).encode()

    async def run(self) -> None:
        """Send what is due, for ever."""
        while True:
            now = time.monotonic()
            while self._due and self._due[0][0] <= now:
                due, _, connection = heapq.heappop(self._due)
                self._pace(connection, due, now)
            self._greedy = [connection for connection in self._greedy if self._feed(connection)]
            hungry = any(not connection.full for connection in self._greedy)
            await asyncio.sleep(0 if hungry else TICK_SECONDS)

    def _schedule(self, connection: "Connection", due: float) -> None:
        heapq.heappush(self._due, (due, next(self._serial), connection))

    def _pace(self, connection: "Connection", due: float, now: float) -> None:
        exchange = connection.exchange
        if exchange is None:
            return
        number = 1 + int((now - due) * exchange.rate)
        if connection.send(number):
            self._schedule(connection, due + number / exchange.rate)

    @staticmethod
    def _feed(connection: "Connection") -> bool:
        """Whether a stream that is taken as fast as it comes goes on."""
        return connection.exchange is not None and (connection.full or connection.send(BLOCK))


class Connection(asyncio.Protocol):
    """One connection of a client, with one answer at a time."""

    def __init__(self, model: Model) -> None:
        self.exchange: Exchange | None = None
        self.full = False
        self._model = model
        self._bytes = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """The client left; in the middle of an answer that is worth knowing."""
        if self.exchange is not None:
            self.exchange.closed_at = time.monotonic()
            self.exchange = None

    def pause_writing(self) -> None:
        """The client takes no more for now."""
        self.full = True

    def resume_writing(self) -> None:
        """It does again."""
        self.full = False

    def data_received(self, data: bytes) -> None:
        """Take what came; answer a request when it is whole."""
        self._bytes += data
        head, found, rest = self._bytes.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        size = int(length[1]) if length else 0
        if len(rest) >= size:
            self._bytes = rest[size:]
            self._answer(head, rest[:size])

    def send(self, number: int) -> bool:
        """Send the next tokens, all in one write; False when that was the end."""
        exchange = self.exchange
        assert exchange is not None
        begin = len(exchange.sent)
        end = min(exchange.tokens, begin + number)
        exchange.sent.extend([time.monotonic()] * (end - begin))
        if end < exchange.tokens:
            self._transport.write(b"".join(map(_chunk, range(begin, end))))
            return True
        self._transport.write(b"".join(map(_chunk, range(begin, end))) + _ending(exchange))
        exchange.finished = True
        self.exchange = None
        return False

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"POST"):
            self._transport.write(_STREAM)
            self.exchange = _exchange(json.loads(body))
            self._model.begin(self, self.exchange)
            return
        data = self._model.log() if head.startswith(b"GET /log") else _MODELS
        line = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(data)
        self._transport.write(line + data)


def _exchange(body: dict[str, Any]) -> Exchange:
    asked = [message["content"] for message in body["messages"] if message["role"] == "user"]
    key, tokens, rate = read_prompt(asked[-1] if asked else "")
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return Exchange(key, tokens, rate, time.monotonic(), usage)


@cache
def _chunk(index: int) -> bytes:
    delta = {"role": "assistant", "content": token(index)} if index == 0 else {"content": token(index)}
    return _frame({"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": None}]})


def _ending(exchange: Exchange) -> bytes:
    stop = _frame({"choices": [{"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}]})
    tokens = {"prompt_tokens": 20, "completion_tokens": exchange.tokens, "total_tokens": 20 + exchange.tokens}
    usage = _frame({"choices": [], "usage": tokens}) if exchange.usage else b""
    return stop + usage + _http_chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n"


def _frame(part: dict[str, Any]) -> bytes:
    """A chunk with all that a provider puts into it."""
    about = {
        "id": "chatcmpl-Bench0000000000000000000000000",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "scripted",
        "service_tier": "default",
        "system_fingerprint": "fp_0000000000",
    }
    return _http_chunk(b"data: " + json.dumps({**about, **part}, separators=(",", ":")).encode() + b"\n\n")


def _http_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


async def serve(port: int) -> None:
    """Serve on loopback for ever."""
    model = Model()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(model), "127.0.0.1", port, backlog=2048)
    async with server:
        await model.run()


def main() -> None:
    """`python -m bench.model --port P`."""
    parser = argparse.ArgumentParser(description="A scripted model server.")
    parser.add_argument("--port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
