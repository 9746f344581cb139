"""A clock that a rule can move: it ticks a millisecond with each look, so that an order by time is an order."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from django.utils import timezone

from sessions_app.runner import sweeper
from sessions_app.services import holds


class Clock:
    """The time of one example."""

    def __init__(self) -> None:
        self._now = datetime(2026, 11, 21, tzinfo=UTC)

    def now(self) -> datetime:
        """Look."""
        self._now += timedelta(milliseconds=1)
        return self._now

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)


@contextmanager
def moved(clock: Clock) -> Iterator[None]:
    """The site and its database go by `clock`."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(timezone, "now", clock.now))
        stack.enter_context(patch.object(holds, "database_now", clock.now))
        stack.enter_context(patch.object(sweeper, "database_now", clock.now))
        yield
