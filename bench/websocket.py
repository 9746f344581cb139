"""A WebSocket client that costs the load next to nothing: it notes when a frame came and leaves the reading for later.

Written for this benchmark because the load shares a core with the model server; the `websockets` library takes several
times as much for each frame. It speaks to servers on loopback only: no masking worth the name, no fragments.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable, Mapping
from typing import cast

OPEN_SECONDS = 30.0
CLOSE, PING, PONG, TEXT = 8, 9, 10, 1
OnText = Callable[[float, bytes], None]
OnLost = Callable[["Socket"], None]


class RefusedError(Exception):
    """The server did not open the socket, or closed it."""


class Socket(asyncio.Protocol):
    """One open socket. `on_text(at, payload)` hears every text frame; `at` is `time.monotonic()`."""

    def __init__(self, on_text: OnText, on_lost: OnLost = lambda _: None) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._on_text = on_text
        self._on_lost = on_lost
        self._bytes = b""
        self._is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._on_lost(self)
        if not self.opened.done():
            self.opened.set_exception(RefusedError("the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """Take what came; the time is that of its arrival."""
        at = time.monotonic()
        self._bytes = self._bytes + data if self._bytes else data
        if not self._is_open and not self._shake_hands():
            return
        self._bytes = self._read_frames(self._bytes, at)

    def send(self, text: str) -> None:
        """Send a text frame."""
        self._write(TEXT, text.encode())

    def close(self) -> None:
        """Leave without waiting for the server."""
        self.transport.abort()

    def _shake_hands(self) -> bool:
        head, found, rest = self._bytes.partition(b"\r\n\r\n")
        if not found or self.opened.done():
            return False
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self.opened.set_exception(RefusedError(head.split(b"\r\n", 1)[0].decode("latin-1")))
            return False
        self._bytes, self._is_open = rest, True
        self.opened.set_result(None)
        return True

    def _read_frames(self, data: bytes, at: float) -> bytes:
        """Take all whole frames of `data`; what is left over."""
        position, size = 0, len(data)
        while size - position >= 2:
            length, begin = data[position + 1], position + 2
            if length == 126:
                length, begin = int.from_bytes(data[begin : begin + 2], "big"), begin + 2
            elif length == 127:
                length, begin = int.from_bytes(data[begin : begin + 8], "big"), begin + 8
            if size < begin + length:
                break
            self._take(data[position] & 15, data[begin : begin + length], at)
            position = begin + length
        return data[position:] if position else data

    def _take(self, opcode: int, payload: bytes, at: float) -> None:
        if opcode == TEXT:
            self._on_text(at, payload)
        elif opcode == PING:
            self._write(PONG, payload)
        elif opcode == CLOSE:
            self.transport.close()

    def _write(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        length = bytes([128 | size]) if size < 126 else bytes([128 | 126]) + size.to_bytes(2, "big")
        self.transport.write(bytes([128 | opcode]) + length + b"\0\0\0\0" + payload)


async def connect(port: int, path: str, headers: Mapping[str, str], on_text: OnText, on_lost: OnLost) -> Socket:
    """An open socket. Raises RefusedError, OSError and TimeoutError."""
    loop = asyncio.get_running_loop()
    _, socket = await loop.create_connection(lambda: Socket(on_text, on_lost), "127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        *[f"{name}: {value}" for name, value in headers.items()],
    ]
    socket.transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    try:
        await asyncio.wait_for(socket.opened, OPEN_SECONDS)
    except BaseException:
        socket.close()
        raise
    return socket
