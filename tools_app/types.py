"""The words of tools: what a tool is, what a call asks, what the gate says, what comes back."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Effect(StrEnum):
    """What running a tool twice would do; decides what happens to a call found in doubt after a crash."""

    READ = "read"
    IDEMPOTENT = "idempotent"
    UNSAFE = "unsafe"


class Risk(StrEnum):
    """How much a person should look before saying yes."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Decision(StrEnum):
    """What the gate says of one call."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Arguments(BaseModel):
    """Base of every tool's arguments: unknown names are refused, and an error never repeats what was given."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it; `parameters` is a JSON Schema object."""

    name: str
    description: str
    parameters: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """For whom a call would run. `interactive` is false when nobody can be asked."""

    user_id: int
    session_id: UUID
    agent_id: UUID | None = None
    interactive: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's word on one call, with its reason for a person.

    `waivable` says that "allow for this session" would work; `rule_id` names the rule that decided, if one did.
    `source` is what decided: rule, grant, default, or nobody (an ask that nobody is there to answer).
    """

    decision: Decision
    reason: str
    risk: Risk
    risk_reason: str
    rule_id: UUID | None = None
    waivable: bool = False
    source: str = "default"


@dataclass(frozen=True, slots=True)
class ToolContext:
    """What a running tool is given: `output` takes live text on the event loop, `redact` takes secrets out of text."""

    session_id: UUID
    run_id: UUID
    step_id: UUID
    workspace: Path
    idempotency_key: str
    output: Callable[[str], None]
    redact: Callable[[str], str] | None = None


@dataclass(frozen=True, slots=True)
class ToolOutput:
    """What a tool gives back: `content` for the model, `data` for the page (diff, path, exit_code, ...)."""

    content: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Display:
    """How a call looks: an icon's name, a plain name, the argument that matters, the sentence of the approval card."""

    icon: str
    title: str
    key_argument: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Question:
    """A form for a person: `schema` is a flat JSON Schema object."""

    message: str
    schema: dict[str, Any]


class Tool(ABC):
    """One tool. A subclass declares the class variables and `run`; one file each in `tools_app/tools/`."""

    name: ClassVar[str]
    description: ClassVar[str]
    arguments: ClassVar[type[Arguments]]
    effect: ClassVar[Effect] = Effect.UNSAFE
    risk: ClassVar[Risk] = Risk.HIGH
    risk_reason: ClassVar[str] = ""
    default: ClassVar[Decision] = Decision.ASK
    timeout_seconds: ClassVar[float] = 60.0
    editable: ClassVar[bool] = True
    secret_parameters: ClassVar[tuple[str, ...]] = ()
    kind: ClassVar[Literal["effect", "question"]] = "effect"

    def unavailable(self) -> str | None:
        """Why this tool cannot be used here, in the operator's words; None when it can."""
        return None

    @abstractmethod
    def display(self, arguments: Mapping[str, Any]) -> Display:
        """How this call looks on the page; must bear arguments that do not validate."""

    async def run(self, arguments: Any, context: ToolContext) -> ToolOutput:
        """Do it. `arguments` is an instance of `self.arguments`. Raises ToolError; is cancelled by asyncio."""
        raise NotImplementedError

    def question(self, arguments: Any) -> Question:
        """The form of a tool of kind "question"."""
        raise NotImplementedError


class ToolError(Exception):
    """A tool could not do it: `message` is for the model and the person, `code` is stable, `data` is for the page."""

    def __init__(self, message: str, *, code: str = "tool_failed", data: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = data or {}


class ToolTimeoutError(ToolError):
    """The tool took longer than it may; its process group is dead. `told` is what it said until then."""

    def __init__(self, seconds: float, *, told: str = "", data: dict[str, Any] | None = None) -> None:
        sentence = f"Stopped after {seconds:g} seconds, which is its limit."
        super().__init__(f"{sentence}{told}", code="tool_timeout", data=data)
