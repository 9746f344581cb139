"""What one attempt at a run knows, shared by its context and its effects.

Parking: a question is committed while the run still runs, and the await that asked never returns. When no effect is in
flight any more and the agent's program stands still, the attempt is over.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from uuid import UUID

from agents_app import templates
from agents_app.types import Message, Spent
from agentsite.core.rows import all_rows, one_row
from sessions_app.models import Run, Session, Step
from sessions_app.runner.secrets import Redactor, load_secrets
from sessions_app.runner.streams import Streams
from sessions_app.runner.writer import Writer
from sessions_app.selectors.history import history
from sessions_app.services.holds import Hold, LostHoldError, StopAskedError
from sessions_app.types import StepKind
from tools_app.types import Subject
from tools_app.workspaces import workspace_for

STILL_SECONDS = 0.02
SETTLE_SECONDS = 6.0
_T = TypeVar("_T")


class WayOut(StrEnum):
    """Why an attempt is over."""

    AGENT = "the agent's program has ended"
    PARK = "it waits and nothing is in flight"
    STOP = "a person stops the run"
    RELEASE = "the process is stopping"
    LOST = "somebody else holds the run"


class Attempt:
    """One claim's work on one run."""

    def __init__(self, hold: Hold, writer: Writer, is_dead: Callable[[str], bool]) -> None:
        self.hold = hold
        self.is_dead = is_dead
        self.steps: dict[str, Step] = {}
        self.passed: dict[str, Step] = {}
        self.begun: set[UUID] = set()
        self.streams = Streams(hold, lambda: self.leave(WayOut.LOST))
        self.parked_until: datetime | None = None
        self.way_out: asyncio.Future[WayOut] = asyncio.get_running_loop().create_future()
        self._writer = writer
        self._effects = 0
        self._parked = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def load(self) -> None:
        """Read what is frozen and recorded.

        Raises LostHoldError, TemplateMissingError and pydantic's ValidationError.
        """
        run, session = one_row(Run, id=self.hold.run_id), one_row(Session, id=self.hold.session_id)
        if run is None or session is None:
            raise LostHoldError
        frozen = run.frozen or {}
        self.thawed = templates.thaw(frozen)
        self.started_at = run.started_at or run.queued_at
        self.interactive = run.interactive
        self.depth = run.depth
        self.origin_id: str = frozen["origin"]
        self.prompt = Message("user", run.prompt_text)
        self.history = history(run.session_id, frozen["history_end"]) if run.parent_id is None else []
        self.workspace: Path = workspace_for(run.session_id)
        self.subject = Subject(session.owner_id, run.session_id, run.agent_id, run.interactive)
        self.secrets = load_secrets(run.id)
        self.redactor = Redactor(self.secrets)
        self.steps = {step.key: step for step in all_rows(Step, run_id=run.id)}

    async def write(self, function: Callable[..., _T], **kwargs: Any) -> _T:
        """One write of this run, in its turn, with its waiting text.

        Once a stop is asked nothing new begins: the await does not return. Raises LostHoldError.
        """
        try:
            return await self.write_end(function, **kwargs)
        except LostHoldError:
            self.leave(WayOut.LOST)
            raise
        except StopAskedError:
            self.leave(WayOut.STOP)
            await never()

    async def write_end(self, function: Callable[..., _T], **kwargs: Any) -> _T:
        """A write that ends the attempt.

        Raises LostHoldError, StopAskedError.
        """
        pending = self.streams.take()
        return await self._writer.write(function, hold=self.hold, pending=pending, **kwargs)

    def record(self, step: Step) -> None:
        """Know a step's newest state."""
        self.steps[step.key] = step

    @asynccontextmanager
    async def in_flight(self) -> AsyncIterator[None]:
        """An effect is on: the run does not park meanwhile."""
        self._effects += 1
        try:
            with self._task():
                yield
        finally:
            self._effects -= 1
            self._watch_stillness()

    async def park(self, until: datetime | None = None) -> NoReturn:
        """Wait for a person, a child or a time: this await never returns."""
        self._parked += 1
        if until is not None:
            self.parked_until = min(until, self.parked_until or until)
        self._watch_stillness()
        with self._task():
            await never()

    def leave(self, way: WayOut) -> None:
        """The attempt is over; the first reason counts."""
        if not self.way_out.done():
            self.way_out.set_result(way)

    async def settle(self, agent: asyncio.Task[Any]) -> bool:
        """Cancel the agent and every effect still in flight, also of branches that it left behind.

        False when something does not stop.
        """
        tasks = {task for task in (agent, *self._tasks) if not task.done()}
        for task in tasks:
            task.cancel()
        return not tasks or not (await asyncio.wait(tasks, timeout=SETTLE_SECONDS))[1]

    def spent(self) -> Spent:
        """What the steps that the agent has passed have spent; waiting for people costs nothing."""
        steps = list(self.passed.values())
        times = [(step.started_at, step.ended_at) for step in steps]
        return Spent(
            steps=sum(step.kind == StepKind.MODEL for step in steps),
            tool_calls=sum(step.kind == StepKind.TOOL for step in steps),
            tokens=sum(step.prompt_tokens + step.completion_tokens for step in steps),
            seconds=sum((end - start).total_seconds() for start, end in times if start and end),
            cost=sum(step.cost for step in steps),
        )

    @contextmanager
    def _task(self) -> Iterator[None]:
        task = asyncio.current_task()
        if task is None or task in self._tasks:
            yield
            return
        self._tasks.add(task)
        try:
            yield
        finally:
            self._tasks.discard(task)

    def _watch_stillness(self) -> None:
        if self._parked and not self._effects and not self.way_out.done():
            asyncio.get_running_loop().call_later(STILL_SECONDS, self._leave_if_still)

    def _leave_if_still(self) -> None:
        if self._parked and not self._effects:
            self.leave(WayOut.PARK)


async def never() -> NoReturn:
    """An await that does not return: its task is cancelled instead."""
    await asyncio.get_running_loop().create_future()
    raise AssertionError("unreachable")
