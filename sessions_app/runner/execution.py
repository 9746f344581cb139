"""One attempt from its claim to its one end.

The ways out: the agent returns or raises; the run parks; a stop is asked; the process is stopping; the hold is lost.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from agents_app.templates import TemplateMissingError
from agents_app.types import EngineError, NotAnsweredError, RunFailedError
from agentsite.core.reading import in_database
from sessions_app.runner.attempt import Attempt, WayOut
from sessions_app.runner.context import Context
from sessions_app.runner.errors import ReplayMismatchError
from sessions_app.runner.writer import Writer
from sessions_app.services import holds
from sessions_app.services.holds import Hold, LostHoldError, StopAskedError
from sessions_app.types import RunStatus, StepKind, StepStatus

Ending = dict[str, Any]
logger = logging.getLogger(__name__)


class Execution:
    """Runs an attempt; the executor stops and releases it."""

    def __init__(self, hold: Hold, writer: Writer, is_dead: Callable[[str], bool]) -> None:
        self._attempt = Attempt(hold, writer, is_dead)
        self._writer = writer

    async def run(self) -> None:
        """Execute to the end of this attempt."""
        self._writer.attach(self._attempt.streams)
        try:
            await self._run()
        except LostHoldError:
            logger.info("Run %s is held by somebody else now", self._attempt.hold.run_id)
        finally:
            self._writer.detach(self._attempt.streams)

    def stop(self) -> None:
        """The person stops the run."""
        self._attempt.leave(WayOut.STOP)

    def release(self) -> None:
        """The process is stopping: give the run back."""
        self._attempt.leave(WayOut.RELEASE)

    async def _run(self) -> None:
        attempt = self._attempt
        try:
            await in_database(attempt.load)
        except (TemplateMissingError, ValidationError) as error:
            await attempt.write_end(holds.finish_run, **_failed(error))
            return
        agent = asyncio.create_task(attempt.thawed.template.run(Context(attempt)))
        agent.add_done_callback(lambda _: attempt.leave(WayOut.AGENT))
        try:
            way = await attempt.way_out
        finally:
            if not await attempt.settle(agent):
                logger.error("The agent of run %s does not stop; it is left behind", attempt.hold.run_id)
        await self._end(way, agent)

    async def _end(self, way: WayOut, agent: asyncio.Task[str | None]) -> None:
        attempt = self._attempt
        try:
            if way is WayOut.AGENT:
                await attempt.write_end(holds.finish_run, **self._ending(agent))
            elif way is WayOut.PARK:
                await attempt.write_end(holds.park_run, until=attempt.parked_until)
            elif way is WayOut.RELEASE:
                await attempt.write_end(holds.release_run)
            elif way is WayOut.STOP:
                await self._end_stopped()
        except StopAskedError:
            await self._end_stopped()

    async def _end_stopped(self) -> None:
        attempt = self._attempt
        mine = (step for step in attempt.steps.values() if step.started_fence == attempt.hold.fence)
        never_began = frozenset(
            step.id for step in mine if step.status == StepStatus.STARTED and step.id not in attempt.begun
        )
        await attempt.write_end(holds.finish_run, status=RunStatus.CANCELLED, never_began=never_began)

    def _ending(self, agent: asyncio.Task[str | None]) -> Ending:
        try:
            last = self._last_text()
            text = agent.result() or last
            return {"status": RunStatus.COMPLETED, "text": text, "spoken": text == last}
        except asyncio.CancelledError:
            return _failure("agent_error", "The agent's program stopped itself.", ("retry",))
        except LostHoldError:
            raise
        except Exception as error:  # noqa: BLE001 - an agent is somebody's program: whatever it raises ends its run
            return _failed(error)

    def _last_text(self) -> str:
        replies = [step for step in self._attempt.steps.values() if step.kind == StepKind.MODEL and step.ended_at]
        last = max(replies, key=lambda step: step.position, default=None)
        return (last.result or {}).get("text", "") if last else ""


def _failure(code: str, sentence: str, actions: tuple[str, ...]) -> Ending:
    return {"status": RunStatus.FAILED, "code": code, "sentence": sentence, "actions": actions}


def _failed(error: Exception) -> Ending:
    """An exception in the user's words."""
    if isinstance(error, EngineError):
        return _failure(error.code, error.message, ("retry",) if error.retryable else ())
    if isinstance(error, RunFailedError):
        return _failure(error.code, error.message, error.actions)
    if isinstance(error, NotAnsweredError):
        return _failure("not_answered", "The agent needed an answer that was not given.", ("retry",))
    if isinstance(error, ReplayMismatchError):
        sentence = "The agent's program has changed, so this run cannot go on from its record. What it did is kept."
        return _failure("replay_mismatch", sentence, ("continue",))
    if isinstance(error, TemplateMissingError):
        return _failure("agent_missing", "This agent's program is not installed any more.", ("retry",))
    logger.error("An agent's program failed", exc_info=error)
    return _failure("agent_error", "The agent's program failed; the site's log has the details.", ("retry",))
