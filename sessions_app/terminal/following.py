"""Follows a session on a thread of its own, so that the main thread can wait for a person and hear Ctrl-C."""

import asyncio
import queue
import threading
from contextlib import suppress
from types import TracebackType
from typing import Self
from uuid import UUID

from sessions_app.reader import Item, Reader
from sessions_app.runner.sweeper import Poll

POLL_SECONDS = 1.0


class Follower:
    """What happens in a session after `after`, in batches. The poll finds what other processes write."""

    def __init__(self, session_id: UUID, after: int) -> None:
        self._session_id = session_id
        self._after = after
        self._batches: queue.SimpleQueue[list[Item] | BaseException] = queue.SimpleQueue()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name="follower", daemon=True)

    def __enter__(self) -> Self:
        self._task = self._loop.create_task(self._follow())
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def next_batch(self) -> list[Item]:
        """What came next; waits until there is something. Raises what following raised."""
        batch = self._batches.get()
        if isinstance(batch, BaseException):
            raise batch
        return batch

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._task)
        except Exception as error:  # noqa: BLE001 - raised again in the thread that asks
            self._batches.put(error)
        finally:
            self._loop.close()

    async def _follow(self) -> None:
        reader = Reader(self._session_id)
        polling = asyncio.create_task(_poll())
        try:
            await reader.start(self._after)
            while True:
                self._batches.put(await reader.items())
        finally:
            reader.close()
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)


async def _poll() -> None:
    poll = Poll()
    while True:
        await asyncio.sleep(POLL_SECONDS)
        await poll.look()
