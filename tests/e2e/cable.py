"""The line between a browser and the site, which can be cut and mended."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self


class Cable:
    """Forwards one port to another, from a thread of its own.

    `cut` closes every connection and lets none in. `lose_answers_to` lets requests through, and cuts their connections
    in place of the answer. `mend` ends both.
    """

    def __init__(self, port: int) -> None:
        self.port = 0
        self._far = port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._doomed = b""
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._main, name="cable", daemon=True)

    @property
    def url(self) -> str:
        """The site's address at this end."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._do(self._cut())

    def mend(self) -> None:
        """Let connections in again."""
        self._doomed = b""
        self._do(self._listen())

    def lose_answers_to(self, beginning: str) -> None:
        """Break the connection of every request that begins so, once the site has answered it."""
        self._doomed = beginning.encode()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)

    def _main(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._end = asyncio.Event()
        await self._listen()
        self._ready.set()
        await self._end.wait()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        await asyncio.gather(*others, return_exceptions=True)

    async def _listen(self) -> None:
        if self._server is not None:
            return
        self._server = await asyncio.start_server(self._connection, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _cut(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in self._writers:
            writer.transport.abort()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._far)
        ends = {writer, far_writer}
        self._writers |= ends
        doomed = asyncio.Event()
        try:
            await asyncio.gather(self._up(reader, far_writer, doomed), self._down(far_reader, writer, doomed))
        except OSError:
            pass
        finally:
            for end in ends:
                end.transport.abort()
            self._writers -= ends

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if self._doomed and data.startswith(self._doomed):
                doomed.set()
            writer.write(data)
        raise ConnectionResetError

    async def _down(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, doomed: asyncio.Event) -> None:
        while data := await reader.read(65536):
            if doomed.is_set():
                break
            writer.write(data)
        raise ConnectionResetError
