"""A model call as an effect: written ahead, streamed, recorded; on replay taken by its key alone."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from agents_app import selectors as agents
from agents_app.engines import client_for
from agents_app.types import CompletionRequest, EngineError, Message, Reply, Sink, ToolRequest, Usage
from agentsite.core.reading import in_database
from sessions_app import faults
from sessions_app.models import Step
from sessions_app.runner.attempt import Attempt
from sessions_app.services import model_steps
from sessions_app.types import StepStatus
from tools_app.types import ToolSpec


async def complete(
    attempt: Attempt,
    key: str,
    messages: Sequence[Message],
    tools: Sequence[ToolSpec],
    response_schema: dict[str, Any] | None,
    engine: str | None,
) -> tuple[Step, Reply]:
    """The recorded reply of this key, or a new one.

    Raises EngineError, also the recorded one.
    """
    recorded = attempt.steps.get(key)
    if recorded is not None and recorded.status == StepStatus.SUCCEEDED:
        return recorded, recorded_reply(recorded)
    if recorded is not None and recorded.status == StepStatus.FAILED:
        kept = recorded.result or {}
        raise EngineError(recorded.code, kept.get("sentence", ""), retryable=kept.get("retryable", True))
    async with attempt.in_flight():
        request = CompletionRequest(messages, tools, response_schema)
        return await _stream(attempt, key, request, engine)


async def _stream(attempt: Attempt, key: str, request: CompletionRequest, engine: str | None) -> tuple[Step, Reply]:
    row = await in_database(agents.engine_for, attempt.thawed, engine)
    step = await attempt.write(model_steps.start_model, key=key, author=attempt.thawed.agent_name)
    attempt.record(step)
    message_id = step.message_id
    assert message_id is not None
    voice = _Voice(partial(attempt.streams.push, message_id))
    faults.point("effect.model.begin")
    try:
        reply = await client_for(row).complete(request, Sink(voice.text, voice.reasoning))
    except EngineError as error:
        step = await attempt.write(
            model_steps.fail_model, step=step, code=error.code, sentence=error.message, retryable=error.retryable
        )
        attempt.record(step)
        raise
    faults.point("effect.model.end")
    step = await attempt.write(model_steps.end_model, step=step, reply=reply, thought_seconds=voice.thought_seconds())
    attempt.streams.forget(message_id)
    attempt.record(step)
    return step, reply


class _Voice:
    """Carries a model's stream on, and times its thinking."""

    def __init__(self, push: Callable[[str, str], None]) -> None:
        self._push = push
        self._began: float | None = None
        self._spoke: float | None = None

    def text(self, text: str) -> None:
        """Take a piece of the answer."""
        if self._spoke is None:
            self._spoke = time.monotonic()
        self._push("text", text)

    def reasoning(self, text: str) -> None:
        """Take a piece of the thinking before it."""
        if self._began is None:
            self._began = time.monotonic()
        self._push("reasoning", text)

    def thought_seconds(self) -> float | None:
        """From the first thought to the first word, or to now; None without thoughts."""
        return None if self._began is None else round((self._spoke or time.monotonic()) - self._began, 3)


def recorded_reply(step: Step) -> Reply:
    """The reply that a step holds."""
    kept = dict(step.result or {})
    kept["tool_requests"] = tuple(ToolRequest(**request) for request in kept.get("tool_requests", ()))
    kept["usage"] = Usage(**kept.get("usage", {}))
    return Reply(**kept)
