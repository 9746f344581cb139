"""Cancels the task that reads a stream when nothing came for too long.

`asyncio.timeout` would be given a new timer for each token; here a token only moves a number, and the one timer looks
at it when it rings.
"""

import asyncio
from types import TracebackType
from typing import Self


class Watchdog:
    """A context for one task. When its time is over the task is cancelled; the context ends quietly, `expired` true."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.expired = False
        self._loop = asyncio.get_running_loop()
        self._at = self._loop.time() + seconds
        self._timer: asyncio.TimerHandle

    def allow(self, seconds: float) -> None:
        """Begin to wait anew: `seconds` from now."""
        self.seconds = seconds
        self._at = self._loop.time() + seconds
        if self._at < self._timer.when():
            self._timer.cancel()
            self._timer = self._loop.call_at(self._at, self._ring)

    def _ring(self) -> None:
        if self._loop.time() < self._at:
            self._timer = self._loop.call_at(self._at, self._ring)
            return
        self.expired = True
        self._task.cancel()

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None
        self._task: asyncio.Task[object] = task
        self._others = task.cancelling()
        self._timer = self._loop.call_at(self._at, self._ring)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Swallow the cancellation that is this watchdog's own, and no other."""
        self._timer.cancel()
        if not self.expired:
            return False
        only_ours = self._task.uncancel() <= self._others
        return only_ours and kind is not None and issubclass(kind, asyncio.CancelledError)
