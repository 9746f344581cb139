"""What an agent is given: each effect has a key, is recorded, and is returned from the record on replay."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel

from agents_app.types import Limits, Message, Outcome, Reply, Spent, ToolRequest, ToolResult
from sessions_app.models import Step
from sessions_app.runner import models, questions, toolcalls
from sessions_app.runner.attempt import Attempt
from sessions_app.runner.errors import ScopeBusyError
from tools_app.types import ToolSpec


class Context:
    """One scope of a run: implements `agents_app.types.RunContext`.

    Branches share the attempt and have own keys.
    """

    def __init__(self, attempt: Attempt, path: str = "") -> None:
        self.attempt = attempt
        self._path = path
        self._ordinal = 0
        self._busy = False
        self._now: datetime = attempt.started_at
        self.prompt: Message = attempt.prompt
        self.history: Sequence[Message] = attempt.history
        self.system_prompt: str = attempt.thawed.system_prompt
        self.tools: Sequence[ToolSpec] = attempt.thawed.tools
        self.config: BaseModel = attempt.thawed.config
        self.limits: Limits = attempt.thawed.limits
        self.workspace: Path = attempt.workspace

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        response_schema: dict[str, Any] | None = None,
        engine: str | None = None,
    ) -> Reply:
        """One model call, streamed to every reader as it comes.

        Raises EngineError.
        """

        async with self._effect() as key:
            step, reply = await models.complete(self.attempt, key, messages, tools, response_schema, engine)
            self._passed(step)
            return reply

    async def call_tools(self, calls: Sequence[ToolRequest]) -> list[ToolResult]:
        """Run calls side by side, each through the gate."""

        async with self._effect() as key:
            steps = await toolcalls.call_tools(self.attempt, key, calls)
            for step in steps:
                self._passed(step)
            return [toolcalls.result_of(step, call) for step, call in zip(steps, calls, strict=True)]

    async def ask(self, message: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Ask a person with a form.

        Raises NotAnsweredError.
        """

        async with self._effect() as key:
            step, values = await questions.ask(self.attempt, key, message, schema)
            self._passed(step)
            return values

    async def confirm(self, message: str) -> bool:
        """Ask a person for a yes; no answer in time counts as no."""

        async with self._effect() as key:
            step, agreed = await questions.confirm(self.attempt, key, message)
            self._passed(step)
            return agreed

    async def delegate(self, agent: str, prompt: str) -> Outcome:
        """Run another agent as a child of this run."""

        async with self._effect() as key:
            step, outcome = await questions.delegate(self.attempt, key, agent, prompt)
            self._passed(step)
            return outcome

    def branch(self, name: str) -> "Context":
        """The same run under a key scope of its own."""
        return Context(self.attempt, f"{self._path}{name}/")

    def now(self) -> datetime:
        """The end of this scope's last recorded step."""
        return self._now

    def random(self) -> Random:
        """Seeded by run and branch."""
        return Random(f"{self.attempt.hold.run_id}:{self._path}")

    def spent(self) -> Spent:
        """What the steps that this run has passed have spent: replay sees the same."""
        return self.attempt.spent()

    @asynccontextmanager
    async def _effect(self) -> AsyncIterator[str]:
        if self._busy:
            raise ScopeBusyError
        self._busy = True
        key = f"{self._path}{self._ordinal}"
        self._ordinal += 1
        try:
            yield key
        finally:
            self._busy = False

    def _passed(self, step: Step) -> None:
        self.attempt.passed[step.key] = step
        if step.ended_at is not None and step.ended_at > self._now:
            self._now = step.ended_at
