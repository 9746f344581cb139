"""Whether the default engine answers: asked at most every 30 seconds, by one caller at a time."""

import asyncio
import threading
import time

from agents_app.engines.registry import probe
from agents_app.models import Engine
from monitoring_app.types import Finding, Level

MEMORY_SECONDS = 30.0
PATIENCE_SECONDS = 1.5


class DefaultEngine:
    """The last answer of the default engine."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked_at = float("-inf")
        self._finding = Finding(Level.DEGRADED, "The default engine was not asked yet.")

    def look(self) -> Finding:
        """What the engine answered last; it is asked again when that is older than 30 seconds, which takes a while."""
        with self._lock:
            if time.monotonic() - self._asked_at > MEMORY_SECONDS:
                self._finding = _ask()
                self._asked_at = time.monotonic()
            return self._finding

    def forget(self) -> None:
        """Ask again next time."""
        self._asked_at = float("-inf")


default_engine = DefaultEngine()


def _ask() -> Finding:
    engine = Engine.objects.filter(enabled=True, is_default=True).first()
    if engine is None:
        return Finding(Level.DEGRADED, "No engine is switched on as the default one. Choose one in the admin.")
    answer = asyncio.run(probe(engine, timeout_seconds=PATIENCE_SECONDS))
    return Finding(Level.OK if answer.ok else Level.DEGRADED, answer.sentence)
