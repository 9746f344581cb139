"""One runtime a process: a daemon thread with its own event loop that executes runs, sweeps, polls, writes and beats.

It is started explicitly, by `serve` and by a worker; tests and commands do not. Sandboxes are spawned from its thread
and die with it.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

import uvloop
from django.conf import settings
from django.db import connection

from agents_app.engines import close_all, warm_up
from agentsite.core.clock import database_now
from agentsite.core.reading import in_database
from sessions_app import broker, dispatch
from sessions_app.runner import sweeper
from sessions_app.runner.execution import Execution
from sessions_app.runner.processes import ProcessLock, is_dead
from sessions_app.runner.writer import Writer
from sessions_app.selectors.work import claimable_runs
from sessions_app.services.holds import Hold, claim_run, renew_holds

BEAT_SECONDS = 10.0
ALIVE_SECONDS = 20.0
POLL_SECONDS = 1.0
SWEEP_SECONDS = 2.0
COMPACT_SECONDS = 30.0
RELEASE_SECONDS = 2.0
logger = logging.getLogger(__name__)


class Runtime:
    """Start it once a process; `stop` gives its runs back."""

    def __init__(self) -> None:
        self._lock = ProcessLock()
        self.name = self._lock.name
        self._executions: dict[UUID, tuple[Execution, asyncio.Task[None]]] = {}
        self._claiming: set[UUID] = set()
        self._ticked_at = time.monotonic()
        self._beat_at = time.monotonic()
        self._ready = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._main, name="runtime", daemon=True)
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> "Runtime":
        """Begin to execute; returns when the loop runs."""
        self._thread.start()
        self._heart.start()
        self._ready.wait()
        return self

    def stop(self, seconds: float = RELEASE_SECONDS) -> None:
        """Give back what runs here and end, within about `seconds`."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(seconds + 1.0)
            self._lock.release()

    def is_alive(self) -> bool:
        """Whether the loop answers."""
        return self._thread.is_alive() and time.monotonic() - self._ticked_at < ALIVE_SECONDS

    def running(self) -> int:
        """How many runs execute here now."""
        return len(self._executions)

    def _main(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._rung = asyncio.Event()
        self._rung.set()
        self._writer = Writer()
        stops = [
            broker.listen(dispatch.QUEUED, lambda _: self._rung.set()),
            broker.listen(dispatch.CANCEL, self._cancel),
        ]
        poll = sweeper.Poll()
        duties = [
            asyncio.create_task(self._writer.run()),
            asyncio.create_task(self._claim_for_ever()),
            asyncio.create_task(self._repeat(POLL_SECONDS, poll.look)),
            asyncio.create_task(self._repeat(SWEEP_SECONDS, self._sweep)),
            asyncio.create_task(self._repeat(COMPACT_SECONDS, self._compact)),
            asyncio.create_task(self._tick()),
        ]
        self._ready.set()
        await asyncio.to_thread(warm_up)
        await self._closing.wait()
        for stop in stops:
            stop()
        for duty in duties[1:]:
            duty.cancel()
        await self._release_all()
        duties[0].cancel()
        await asyncio.to_thread(self._writer.close)
        await close_all()

    async def _claim_for_ever(self) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._rung.wait(), POLL_SECONDS)
            self._rung.clear()
            await self._guarded(self._claim_queued)

    async def _claim_queued(self) -> None:
        room = settings.AGENTSITE.max_runs - len(self._executions)
        if room <= 0:
            return
        now = await in_database(database_now)
        for run_id in await in_database(claimable_runs, now, room):
            await self._claim(run_id, dead=False)

    async def _claim(self, run_id: UUID, *, dead: bool) -> None:
        if run_id in self._executions or run_id in self._claiming:
            return
        self._claiming.add(run_id)
        try:
            hold = await self._writer.write(claim_run, run_id=run_id, owner=self.name, dead=dead)
            if hold is not None:
                self._begin(hold)
        finally:
            self._claiming.discard(run_id)

    def _begin(self, hold: Hold) -> None:
        execution = Execution(hold, self._writer, lambda owner: owner != self.name and is_dead(owner) is True)
        task = asyncio.create_task(self._execute(hold.run_id, execution))
        self._executions[hold.run_id] = (execution, task)

    async def _execute(self, run_id: UUID, execution: Execution) -> None:
        try:
            await execution.run()
        except Exception:
            logger.exception("Run %s broke; it is recovered by the sweeper", run_id)
        finally:
            self._executions.pop(run_id, None)
            self._rung.set()

    def _cancel(self, run_id: UUID) -> None:
        found = self._executions.get(run_id)
        if found is not None:
            found[0].stop()

    async def _sweep(self) -> None:
        if time.monotonic() - self._beat_at > 1.5 * BEAT_SECONDS:
            await in_database(self._renew)
        await in_database(sweeper.sweep_deadlines)
        for run_id, dead in await in_database(sweeper.orphans, self.name, frozenset(self._executions)):
            if len(self._executions) < settings.AGENTSITE.max_runs:
                await self._claim(run_id, dead=dead)

    async def _compact(self) -> None:
        await in_database(lambda: sweeper.compact(database_now()))

    async def _repeat(self, seconds: float, duty: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._guarded(duty)
            await asyncio.sleep(seconds)

    async def _guarded(self, duty: Callable[[], Awaitable[None]]) -> None:
        try:
            await duty()
        except Exception:
            logger.exception("A duty of the runtime failed and is tried again.")

    async def _tick(self) -> None:
        while True:
            self._ticked_at = time.monotonic()
            await asyncio.sleep(0.5)

    async def _release_all(self) -> None:
        tasks = [task for _, task in self._executions.values()]
        for execution, _ in list(self._executions.values()):
            execution.release()
        if tasks:
            await asyncio.wait(tasks, timeout=RELEASE_SECONDS)

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_SECONDS):
            if not self.is_alive():
                logger.error("The runtime's loop does not answer; its leases are not renewed.")
                continue
            try:
                self._renew()
            except Exception:
                logger.exception("The heartbeat failed and is tried again.")
            finally:
                connection.close()

    def _renew(self) -> None:
        renew_holds(owner=self.name)
        self._beat_at = time.monotonic()
