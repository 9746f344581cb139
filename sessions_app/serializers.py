"""The shapes of what goes over the wire: public rows (as `representations` makes them) and what programs send."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints

Position = Annotated[int, Field(description="Where it stands on the page: rows of all kinds are sorted by it.")]
CommandId = Annotated[
    str,
    StringConstraints(max_length=64),
    Field(
        description="A new UUID for each command: a repeat does nothing and gets the first answer.",
        examples=["7d0f7c52-2a3e-4f0c-9a51-6a1f4c7d9e10"],
    ),
]


class Row(BaseModel):
    """A public row: every field is always there."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Body(BaseModel):
    """What a client sends: names that are not known are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class SessionRow(Row):
    """A session: one lasting conversation."""

    id: UUID
    title: str
    agent_id: UUID | None
    agent: str = Field(description="The agent's slug.", examples=["assistant"])
    agent_name: str = Field(examples=["Assistant"])
    created_at: datetime


class ListedSessionRow(SessionRow):
    """A session in a list."""

    active_at: datetime = Field(description="When something last happened in it.")
    is_running: bool
    is_waiting: bool = Field(description="A question in it is open.")


class MessageRow(Row):
    """A message: an utterance in a session. The text of a streaming one is in the stream, not here."""

    id: UUID
    run_id: UUID | None
    role: Literal["user", "assistant"]
    status: Literal["queued", "streaming", "completed", "incomplete", "superseded", "withdrawn"]
    text: str
    reasoning: str
    reason: str = Field(description="Why it is incomplete.")
    author: str
    thought_seconds: float | None
    position: Position
    created_at: datetime
    ended_at: datetime | None


class RunRow(Row):
    """A run: one execution of an agent."""

    id: UUID
    agent_id: UUID | None
    agent_name: str
    version: str
    parent_id: UUID | None = Field(description="The run that delegated to this one.")
    retry_of: UUID | None
    prompt_id: UUID | None = Field(description="The message that it answers.")
    status: Literal["queued", "running", "waiting", "cancelling", "completed", "failed", "cancelled"]
    wait_reason: Literal["", "confirmation", "input", "recovery", "child", "retry"]
    strategy: str
    position: Position
    text: str = Field(description="The final answer.")
    code: str = Field(description="Why it ended, for programs.")
    sentence: str = Field(description="Why it ended, for people.")
    actions: list[str] = Field(description="What can be done about it: retry, continue.")
    prompt_tokens: int
    completion_tokens: int
    cost: float
    queued_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class StepRow(Row):
    """A step: one recorded effect of a run."""

    id: UUID
    run_id: UUID
    key: str
    kind: Literal["model", "tool", "question", "delegate"]
    status: Literal["planned", "waiting", "started", "succeeded", "failed", "denied", "cancelled", "unknown"]
    tool: str
    call_id: str
    display: dict[str, Any] = Field(description="How it looks: icon, title, key_argument, sentence.")
    arguments: dict[str, Any] = Field(description="As the model asked.")
    effective_arguments: dict[str, Any] | None = Field(description="As they run; null until it starts.")
    result: Any = Field(description="What came of it.")
    output: str
    code: str
    message_id: UUID | None
    child_id: UUID | None
    prompt_tokens: int
    completion_tokens: int
    cost: float
    position: Position
    started_at: datetime | None
    ended_at: datetime | None


class InteractionRow(Row):
    """An interaction: a question to a person and, once closed, its answer."""

    id: UUID
    run_id: UUID
    step_id: UUID
    kind: Literal["confirmation", "input", "recovery"]
    status: Literal["pending", "answered", "expired", "cancelled"]
    message: str
    tool: str
    arguments: dict[str, Any]
    schema_: dict[str, Any] | None = Field(alias="schema", description="The form, as a flat JSON Schema object.")
    display: dict[str, Any]
    digest: str = Field(description="SHA-256 of what is shown; an answer counts for nothing else.")
    risk: str
    risk_reason: str
    allowed_decisions: list[str]
    grantable: bool = Field(description='Whether scope "session" would work.')
    expires_at: datetime | None
    decision: str
    answer: dict[str, Any] | None
    answered_by: str
    answered_via: Literal["", "person", "timeout", "cancel"]
    position: Position
    created_at: datetime
    answered_at: datetime | None


class EventRow(Row):
    """An event: one numbered, unchangeable fact in a session's journal."""

    seq: int
    type: str = Field(examples=["run.started"])
    run_id: UUID | None
    subject: UUID | None = Field(description="The row it tells of.")
    data: dict[str, Any] = Field(description="The rows as they are since then, or a piece of text.")
    created_at: datetime


class ChatCompletion(Body):
    """A message that starts a run, in a new session unless one is named."""

    query: str = Field(examples=["What is 17 * 23?"])
    agent: str | None = Field(None, description="An agent's slug or id; of a new session only.", examples=["assistant"])
    session_id: UUID | None = None
    strategy: Literal["enqueue", "reject", "interrupt"] = "enqueue"
    cmd_id: CommandId = ""


class SessionCreate(Body):
    """A new, empty session."""

    agent: str | None = Field(None, description="An agent's slug or id.", examples=["assistant"])
    title: str = Field("", examples=["Figures of October"])
    cmd_id: CommandId = ""


class SessionUpdate(Body):
    """What is to change of a session."""

    agent: str | None = Field(None, description="An agent's slug or id; it answers from the next run on.")
    title: str | None = Field(None, examples=["Figures of October"])


class MessageUpdate(Body):
    """The new text of a message that still waits."""

    text: str = Field(examples=["What is 17 * 24?"])


class CommandBody(Body):
    """A command that needs nothing but, if it may be repeated, its id."""

    cmd_id: CommandId = ""


class Answer(Body):
    """An answer: `value` true or false, or one of the question's `allowed_decisions`."""

    value: StrictBool | None = Field(None, description="true means approve, false means reject.")
    decision: str | None = Field(None, examples=["approve"])
    arguments: dict[str, Any] | None = Field(None, description="With edit: the arguments, whole.")
    reason: str = Field("", description="With reject, for the model; with respond, the answer in the tool's place.")
    values: dict[str, Any] | None = Field(None, description="With submit: the fields of the form.")
    scope: Literal["once", "session"] = Field("once", description='"session" allows the tool for the rest of it.')
    cmd_id: CommandId = ""

    def chosen(self) -> str | None:
        """The decision that was meant, None when none or two were given."""
        if (self.value is None) == (self.decision is None):
            return "submit" if self.value is None and self.values is not None else None
        return self.decision or ("approve" if self.value else "reject")
