"""The words of agents: messages, replies, what an engine is asked, and the context that a run gives its agent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel

from tools_app.types import ToolSpec

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A call as the model wrote it; `arguments` is its raw JSON text and may be malformed."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One utterance for a model. A `tool` message answers the request named by `tool_call_id`."""

    role: Role
    content: str
    tool_requests: tuple[ToolRequest, ...] = ()
    tool_call_id: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call; `estimated` when the provider sent none (4 characters a token)."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model answered. `finish_reason` is the provider's: stop, length, tool_calls, content_filter.

    `cost` is in the currency of the engine's prices; `first_token_seconds` counts from the request.
    """

    text: str
    reasoning: str = ""
    tool_requests: tuple[ToolRequest, ...] = ()
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    cost: float = 0.0
    engine: str = ""
    model: str = ""
    first_token_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What came of one tool call: succeeded, failed, denied, cancelled or unknown; `content` is for the model."""

    call_id: str
    name: str
    status: str
    content: str
    code: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child run ended: `status` completed, failed or cancelled, and its text."""

    run_id: UUID
    status: str
    text: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class CompletionRequest:
    """One call of a model, provider-neutral. `response_schema` is a JSON Schema, None for free text."""

    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    response_schema: dict[str, Any] | None = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Sink:
    """Where a stream goes while it comes: called on the event loop, once a chunk, with cleaned text."""

    text: Callable[[str], None]
    reasoning: Callable[[str], None]


class EngineClient(Protocol):
    """A provider's client for one Engine row; shared by all runs of the process."""

    async def complete(self, request: CompletionRequest, sink: Sink) -> Reply:
        """Stream one answer into `sink` and return it whole. Raises EngineError; cancelling closes the request."""
        ...

    async def close(self) -> None:
        """Close the shared connections."""
        ...


class EngineError(Exception):
    """A model call failed: a stable `code`, a sentence in the user's words, and whether trying again can help.

    Codes: engine_unreachable, engine_timeout, engine_stalled, engine_auth, engine_rate_limited, engine_error,
    engine_bad_request, engine_not_found, stream_cut, context_too_long, content_filter, engine_missing.
    `detail` is for the operators' log, cleaned of keys; it never reaches a client.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = True, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail
        self.code = code
        self.message = message
        self.retryable = retryable


class RunFailedError(Exception):
    """An agent ends its run: code, sentence, and what the person may do ("retry", "continue")."""

    def __init__(self, code: str, message: str, *, actions: tuple[str, ...] = ("retry",)) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.actions = actions


class NotAnsweredError(Exception):
    """Nobody gave the facts an agent asked for; `reason` is declined or expired."""

    def __init__(self, reason: Literal["declined", "expired"], note: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.note = note


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may spend before it ends with a `limit_*` code that Continue can raise.

    Seconds are of work, not of waiting for people. `answer_parts` is how many model calls one answer may take when it
    is longer than the engine's output limit (its code is `answer_cut`).
    """

    steps: int = 40
    tool_calls: int = 60
    tokens: int = 400_000
    seconds: float = 3600.0
    cost: float = 5.0
    answer_parts: int = 1


class RunContext(Protocol):
    """What a run gives its agent. Every effect goes through it and is recorded; replay returns the record.

    The attributes are frozen at the first claim. One scope has one effect in flight: work in parallel uses `branch`.
    """

    prompt: Message
    history: Sequence[Message]
    system_prompt: str
    tools: Sequence[ToolSpec]
    config: BaseModel
    limits: Limits
    workspace: Path

    async def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        response_schema: dict[str, Any] | None = None,
        engine: str | None = None,
    ) -> Reply:
        """One model call, streamed to every reader as it comes. Raises EngineError."""
        ...

    async def call_tools(self, calls: Sequence[ToolRequest]) -> list[ToolResult]:
        """Run calls side by side, each through the gate; a refused or failed call is a result, never an exception."""
        ...

    async def ask(self, message: str, schema: dict[str, Any]) -> dict[str, Any]:
        """Ask a person with a form. Raises NotAnsweredError."""
        ...

    async def confirm(self, message: str) -> bool:
        """Ask a person for a yes; no answer in time counts as no."""
        ...

    async def delegate(self, agent: str, prompt: str) -> Outcome:
        """Run another agent as a child of this run and wait for its outcome."""
        ...

    def branch(self, name: str) -> "RunContext":
        """The same run under a key scope of its own, for work in parallel."""
        ...

    def now(self) -> datetime:
        """The end of this scope's last recorded step (the run's start before it): replay sees the same."""
        ...

    def random(self) -> Random:
        """Seeded by run and branch: replay sees the same."""
        ...

    def spent(self) -> "Spent":
        """What the steps that this run has passed have spent: replay sees the same."""
        ...


@dataclass(frozen=True, slots=True)
class Spent:
    """Used of a run's Limits, from its recorded steps."""

    steps: int
    tool_calls: int
    tokens: int
    seconds: float
    cost: float
