"""A run in memory: a context whose model answers from a script and whose tools are functions."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel

from agents_app.catalog.assistant import AssistantConfig
from agents_app.types import Limits, Message, Outcome, Reply, Spent, ToolRequest, ToolResult, Usage
from tools_app.types import ToolSpec

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def said(text: str, *, finish_reason: str = "stop", tokens: int = 0, cost: float = 0.0) -> Reply:
    """A reply of text."""
    return Reply(text, finish_reason=finish_reason, usage=Usage(tokens, 0), cost=cost)


def asked(*calls: tuple[str, dict[str, Any] | str], text: str = "", finish_reason: str = "tool_calls") -> Reply:
    """A reply that asks for tools."""
    requests = tuple(
        ToolRequest(f"call_{index}", name, arguments if isinstance(arguments, str) else json.dumps(arguments))
        for index, (name, arguments) in enumerate(calls)
    )
    return Reply(text, tool_requests=requests, finish_reason=finish_reason)


class ScriptedContext:
    """Implements RunContext. `prompts` holds the conversation of each model call, `questions` what was asked."""

    def __init__(
        self,
        *replies: Reply,
        prompt: str = "do it",
        history: Sequence[Message] = (),
        limits: Limits | None = None,
        config: BaseModel | None = None,
        tool: Callable[[ToolRequest], str] = lambda request: f"result of {request.name}",
        answers: Sequence[bool] = (),
        seconds_a_step: float = 0.0,
    ) -> None:
        self.prompt = Message("user", prompt)
        self.history = history
        self.system_prompt = "You are a test."
        self.tools: Sequence[ToolSpec] = (ToolSpec("shell", "Runs.", {}),)
        self.config = config or AssistantConfig()
        self.limits = limits or Limits()
        self.workspace = Path()
        self.prompts: list[list[Message]] = []
        self.called: list[ToolRequest] = []
        self.questions: list[str] = []
        self.recorded_steps = 0
        self.recorded_calls = 0
        self._replies = list(replies)
        self._tool = tool
        self._answers = list(answers)
        self._seconds_a_step = seconds_a_step

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        response_schema: dict[str, Any] | None = None,
        engine: str | None = None,
    ) -> Reply:
        """The next reply of the script; the last one for ever."""
        assert tools == self.tools
        self.prompts.append(list(messages))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        marked = tuple(replace(call, id=f"{len(self.prompts)}.{call.id}") for call in reply.tool_requests)
        return replace(reply, tool_requests=marked)

    async def call_tools(self, calls: Sequence[ToolRequest]) -> list[ToolResult]:
        """The function's answer to each."""
        self.called += calls
        return [ToolResult(call.id, call.name, "succeeded", self._tool(call)) for call in calls]

    async def confirm(self, message: str) -> bool:
        """The next answer of the script."""
        self.questions.append(message)
        return self._answers.pop(0)

    async def ask(self, message: str, schema: dict[str, Any]) -> dict[str, Any]:
        """No story asks."""
        raise NotImplementedError

    async def delegate(self, agent: str, prompt: str) -> Outcome:
        """No story delegates."""
        raise NotImplementedError

    def branch(self, name: str) -> "ScriptedContext":
        """No story branches."""
        raise NotImplementedError

    def now(self) -> datetime:
        """Always noon."""
        return NOON

    def random(self) -> Random:
        """Always the same."""
        return Random(0)

    def spent(self) -> Spent:
        """Seconds grow with each model call; a replay's record may be ahead of its agent."""
        steps = max(self.recorded_steps, len(self.prompts))
        return Spent(
            steps, max(self.recorded_calls, len(self.called)), 0, len(self.prompts) * self._seconds_a_step, 0.0
        )
