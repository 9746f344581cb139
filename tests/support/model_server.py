"""A scripted, OpenAI-compatible model server on loopback, in a thread of the test or as a process for the benchmark.

In a test::

    with ModelServer() as server:
        server.script(calls(("shell", {"command": "ls"})), text("Two files."))
        ...  # use server.base_url
        assert server.requests[0]["messages"][-1]["content"] == "what is here?"

As a process: `python -m tests.support.model_server --port 9000 --tokens 200 --rate 50`. Each request then gets that
many tokens at that rate from one shared timer; with `--stamps` each token is the time of its sending (monotonic, µs).
"""

import argparse
import asyncio
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from tests.support.replies import (
    DONE,
    Reply,
    call_deltas,
    calls,
    chunk,
    content_filter,
    context_too_long,
    cut,
    empty,
    error_frame,
    frame,
    malformed_arguments,
    raw,
    reasoning,
    stall,
    status,
    text,
    truncated,
    truncated_arguments,
    usage_chunk,
)
from tests.support.ticker import Ticker, http_chunk

# fmt: off
__all__ = [
    "DONE", "ClosedEarly", "ModelServer", "Reply", "call_deltas", "calls", "chunk", "content_filter",
    "context_too_long", "cut", "empty", "error_frame", "frame", "malformed_arguments", "raw", "reasoning", "stall",
    "status", "text", "truncated", "truncated_arguments", "usage_chunk",
]
# fmt: on

REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}
MODELS = {"object": "list", "data": [{"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}]}


@dataclass(frozen=True, slots=True)
class ClosedEarly:
    """A client went away before its answer was whole: when (`time.monotonic()`) and after how many pieces."""

    at: float
    pieces: int


@dataclass(slots=True)
class Exchange:
    """One answer on its way: how many of its pieces went out."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    pieces: int = 0


class ModelServer:
    """The server in a thread of its own. Answers come from the script, then from `answer(body)`, then a default."""

    def __init__(self, *, answer: Callable[[dict[str, Any]], Reply | None] | None = None, port: int = 0) -> None:
        self.answer = answer
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.closed_early: list[ClosedEarly] = []
        self.connections = 0
        self.models: dict[str, Any] | None = MODELS
        self.ticker: Ticker | None = None
        self._script: deque[Reply] = deque()
        self._changed = threading.Condition()
        self._port = port
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="model-server", daemon=True)

    @property
    def base_url(self) -> str:
        """What an Engine's `base_url` is set to."""
        return f"http://127.0.0.1:{self._port}/v1"

    def script(self, *replies: Reply) -> None:
        """Append answers, one a request."""
        self._script.extend(replies)

    def wait_closed_early(self, count: int = 1, *, timeout_seconds: float = 5.0) -> ClosedEarly:
        """The `count`-th early close; raises TimeoutError when it does not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.closed_early) >= count, timeout_seconds):
                raise TimeoutError("no client closed its connection early")
            return self.closed_early[count - 1]

    def wait_request(self, count: int = 1, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
        """The body of the `count`-th request; raises TimeoutError when it does not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, timeout_seconds):
                raise TimeoutError("no request came")
            return self.requests[count - 1]

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _main(self) -> None:
        asyncio.run(self.serve())

    async def serve(self) -> None:
        """Serve until stopped."""
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connection, "127.0.0.1", self._port, backlog=1024)
        self._port = server.sockets[0].getsockname()[1]
        ticking = asyncio.create_task(self.ticker.run()) if self.ticker else None
        self._ready.set()
        await self._stop.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        del ticking

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._exchange(Exchange(reader, writer)):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _exchange(self, exchange: Exchange) -> bool:
        """Answer one request; False when the connection is over."""
        method, path, headers, body = await _read_request(exchange.reader)
        if method == "GET":
            exchange.writer.write(_head(200 if self.models else 404, "application/json"))
            exchange.writer.write(http_chunk(json.dumps(self.models or {}).encode()) + b"0\r\n\r\n")
            return True
        parsed = json.loads(body)
        self.headers.append(headers)
        self.paths.append(path)
        with self._changed:
            self.requests.append(parsed)
            self._changed.notify_all()
        sending = asyncio.create_task(self._send(exchange, parsed))
        watching = asyncio.create_task(exchange.reader.read(1))
        await asyncio.wait({sending, watching}, return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            watching.cancel()
            await asyncio.wait({watching})
            return sending.result()
        self._note_closed(exchange)
        sending.cancel()
        await asyncio.wait({sending})
        return False

    def _note_closed(self, exchange: Exchange) -> None:
        with self._changed:
            self.closed_early.append(ClosedEarly(time.monotonic(), exchange.pieces))
            self._changed.notify_all()

    async def _send(self, exchange: Exchange, body: dict[str, Any]) -> bool:
        if self.ticker is not None:
            exchange.writer.write(_head(200, "text/event-stream"))
            await self.ticker.stream(exchange.writer)
            exchange.writer.write(b"0\r\n\r\n")
            return True
        reply = self._next(body)
        if reply.first_pause_seconds:
            await asyncio.sleep(reply.first_pause_seconds)
        exchange.writer.write(_head(reply.status, reply.content_type))
        for piece in reply.pieces:
            if reply.pause_seconds and exchange.pieces:
                await asyncio.sleep(reply.pause_seconds)
            exchange.writer.write(http_chunk(piece))
            await exchange.writer.drain()
            exchange.pieces += 1
        if reply.ending == "stall":
            await asyncio.Event().wait()
        if reply.ending == "orderly":
            exchange.writer.write(b"0\r\n\r\n")
        return reply.ending == "orderly"

    def _next(self, body: dict[str, Any]) -> Reply:
        with suppress(IndexError):
            return self._script.popleft()
        chosen = self.answer(body) if self.answer else None
        if chosen is not None:
            return chosen
        return text("Done." if body["messages"][-1]["role"] == "tool" else "Hello from the scripted model.")


def _head(number: int, content_type: str) -> bytes:
    reason = REASONS.get(number, "Status")
    return (
        f"HTTP/1.1 {number} {reason}\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ).encode()


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, headers and body of the next request on a connection."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
    return method, path, headers, await reader.readexactly(int(headers.get("content-length", "0")))


def main() -> None:
    """Serve paced streams until interrupted."""
    parser = argparse.ArgumentParser(description="A scripted model server for the benchmark.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--rate", type=float, default=50.0, help="tokens a second and stream")
    parser.add_argument("--stamps", action="store_true", help="each token is the time of its sending")
    options = parser.parse_args()
    server = ModelServer(port=options.port)
    server.ticker = Ticker(options.tokens, options.rate, stamps=options.stamps)
    with suppress(KeyboardInterrupt), server:
        print(server.base_url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
