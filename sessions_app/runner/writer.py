"""The one writer of a process: every write of its runs passes here, in order, on one thread.

Text of all runs is gathered and stored together every 50 ms; a run's text waits at most 250 ms or 2 kB, its first
piece not at all. Whatever else a run writes takes its waiting text along in the same transaction. Deadlocks and lost
connections are retried for 30 s before the write fails.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection, connections

from sessions_app.runner.streams import Streams
from sessions_app.services.text import flush_text

RETRY_SECONDS = 30.0
TICK_SECONDS = 0.05
_T = TypeVar("_T")
logger = logging.getLogger(__name__)


class Writer:
    """Belongs to one event loop; its transactions run on its own thread."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="writer")
        self._streams: set[Streams] = set()
        self._flushing = False

    def attach(self, streams: Streams) -> None:
        """Gather the text of one run's streams from now on."""
        self._streams.add(streams)

    def detach(self, streams: Streams) -> None:
        """No longer."""
        self._streams.discard(streams)

    async def write(self, function: Callable[..., _T], *args: object, **kwargs: object) -> _T:
        """Run one write in its turn.

        It is finished even when the caller is cancelled meanwhile.
        """
        loop = asyncio.get_running_loop()
        return await asyncio.shield(loop.run_in_executor(self._thread, _retrying, function, args, kwargs))

    async def run(self) -> None:
        """Flush gathered text for ever."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            await self.flush()

    async def flush(self) -> None:
        """Store the text of every run whose turn it is."""
        now = time.monotonic()
        batch = {streams.hold: streams for streams in self._streams if streams.is_due(now)}
        if not batch:
            return
        texts = {hold: streams.take() for hold, streams in batch.items()}
        try:
            lost = await self.write(flush_text, batch=texts)
        except Exception:
            logger.exception("Streamed text could not be stored; its runs are given up here and recovered later.")
            lost = list(texts)
        for hold in lost:
            batch[hold].lose()

    def close(self) -> None:
        """End the thread and its connection after the writes it was given."""
        self._thread.submit(connections.close_all)
        self._thread.shutdown(wait=True)


def _retrying(function: Callable[..., _T], args: tuple[object, ...], kwargs: dict[str, object]) -> _T:
    deadline = time.monotonic() + RETRY_SECONDS
    pause = 0.05
    while True:
        try:
            return function(*args, **kwargs)
        except (OperationalError, InterfaceError):
            if time.monotonic() + pause > deadline:
                raise
            logger.warning("A write failed and is tried again.", exc_info=True)
            connection.close()
            time.sleep(pause)
            pause = min(pause * 2, 2.0)
