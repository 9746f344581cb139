"""Whether the site works, found out by using each part: a write, a post, the runtime's tick, the sandbox, the engine.

How it stays quick and safe: 1. all parts are looked at side by side, each for at most 2 seconds; 2. what blocks runs on
threads of its own, so that a stuck database does not stop the site's other work; 3. a report is given again for a
second, so that strangers cannot make the site write.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from django.conf import settings
from django.db import close_old_connections

from monitoring_app.engine_health import default_engine
from monitoring_app.selectors import is_queue_stuck
from monitoring_app.services import mark_health
from monitoring_app.types import Finding, Level, Part, Report
from sessions_app import broker
from sessions_app.runner import current
from tools_app import sandbox

PATIENCE_SECONDS = 2.0
BROKER_SECONDS = 1.0
MEMORY_SECONDS = 1.0
_T = TypeVar("_T")
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")
logger = logging.getLogger(__name__)


async def check_database() -> Finding:
    """A row is changed and the change committed."""
    await in_thread(mark_health)
    return Finding(Level.OK, "A write was committed.")


async def check_executor() -> Finding:
    """The runtime of this process has ticked lately; with workers elsewhere, they take what is queued."""
    if settings.AGENTSITE.executor != "embedded":
        if await in_thread(is_queue_stuck):
            return Finding(Level.DOWN, "Runs wait and no worker takes them. Start a worker.")
        return Finding(Level.OK, "Workers execute the runs, and none waits for a worker.")
    runtime = current.get_runtime()
    if runtime is None:
        return Finding(Level.DOWN, "This process executes no runs. Start the site with manage.py serve.")
    if not runtime.is_alive():
        return Finding(Level.DOWN, "The executor of this process has stopped answering. Restart the site.")
    return Finding(Level.OK, f"Runs that execute now: {runtime.running()}.")


async def check_broker() -> Finding:
    """What is posted arrives."""
    topic, arrived = f"health:{uuid4()}", asyncio.Event()
    stop = broker.listen(topic, lambda _: arrived.set())
    try:
        await in_thread(broker.post, topic, None)
        async with asyncio.timeout(BROKER_SECONDS):
            await arrived.wait()
    except TimeoutError:
        return Finding(Level.DEGRADED, "A post did not arrive within a second: pages follow runs a second late.")
    finally:
        stop()
    return Finding(Level.OK, "A post arrived.")


async def check_sandbox() -> Finding:
    """Code can be run safely here."""
    status = await in_thread(sandbox.status)
    return Finding(Level.OK, "Code can run.") if status.available else Finding(Level.DEGRADED, status.reason)


async def check_engine() -> Finding:
    """The default engine answers; asked at most every 30 seconds."""
    return await in_thread(default_engine.look)


Check = Callable[[], Awaitable[Finding]]
VITAL: dict[str, Check] = {"database": check_database, "executor": check_executor}
USEFUL: dict[str, Check] = {"broker": check_broker, "sandbox": check_sandbox, "engine": check_engine}


@dataclass(frozen=True, slots=True)
class _Examination:
    """One look at the site, made on one event loop."""

    loop: asyncio.AbstractEventLoop
    began_at: float
    task: asyncio.Task[Report]


_latest: dict[str, _Examination] = {}


async def examine_site() -> Report:
    """Every part of the site."""
    return await _remembered("site", VITAL | USEFUL)


async def examine_vital_parts() -> Report:
    """The parts without which the site does nothing."""
    return await _remembered("vital", VITAL)


async def _remembered(name: str, checks: dict[str, Check]) -> Report:
    loop, now = asyncio.get_running_loop(), time.monotonic()
    latest = _latest.get(name)
    if latest is None or latest.loop is not loop or now - latest.began_at > MEMORY_SECONDS:
        latest = _latest[name] = _Examination(loop, now, loop.create_task(_examine(checks)))
    return await asyncio.shield(latest.task)


async def _examine(checks: dict[str, Check]) -> Report:
    parts = await asyncio.gather(*(_part(name, check) for name, check in checks.items()))
    return Report(tuple(parts))


async def _part(name: str, check: Check) -> Part:
    """Look at one part; one that fails or does not answer in time is down where it is vital."""
    worst = Level.DOWN if name in VITAL else Level.DEGRADED
    began = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            finding = await check()
    except TimeoutError:
        finding = Finding(worst, f"No answer within {PATIENCE_SECONDS:g} s.")
    except Exception:
        logger.exception("The %s failed its health check.", name)
        finding = Finding(worst, "It fails. The site's log tells why.")
    return Part(name, finding.level, finding.sentence, round((time.perf_counter() - began) * 1000, 1))


async def in_thread(function: Callable[..., _T], *args: object) -> _T:
    """Run `function` on a thread of health's own, with a database connection that is opened for it."""

    def call() -> _T:
        close_old_connections()
        try:
            return function(*args)
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_threads, call)
