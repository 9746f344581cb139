"""Every frame that the server sends, declared: the reference is made of these, and tests hold what is sent to them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sessions_app.protocol.parts import (
    ErrorDetail,
    FormField,
    GeneratingData,
    MessageView,
    Off,
    Sentence,
    Seq,
    TaskError,
)
from sessions_app.serializers import Position, RunRow, SessionRow, StepRow


class Frame(BaseModel):
    """A frame."""

    model_config = ConfigDict(extra="forbid")


class SessionFrame(Frame):
    """A frame that tells a fact of the session."""

    seq: Seq
    session_id: UUID
    run_id: UUID | None = Field(description="The run it belongs to; runs of delegated work have ids of their own.")


class ConnectionReady(Frame):
    """The socket is open and yours. Nothing has to be answered."""

    type: Literal["connection_ready"]
    session_id: UUID


class InitialState(Frame):
    """The session as it is now, sent when there is no cursor or when it cannot be used: it replaces all you have.

    `state_messages` are frames of the shapes below, in the order of the page, that rebuild it: the last 100 messages,
    steps, open questions, failed runs, and what runs now with its text so far. For what is older:
    `GET /api/session/<session>?before=`.
    """

    type: Literal["initial_state"]
    session_id: UUID
    session: SessionRow
    seq: Seq
    state_messages: list[dict[str, Any]]
    state_count: int = Field(description="How many frames `state_messages` has.")
    saved_state_messages: int = Field(description="How many messages the session keeps.")
    before: int | None = Field(description="The position to page back from, null when nothing is older.")


class MessageFrame(SessionFrame):
    """A message as it is since now; it replaces the one with its id.

    One that begins to stream has the status `streaming` and no content. `queued` ones wait for their run; `superseded`
    ones were begun again and are to be taken away.
    """

    type: Literal["message"]
    message: MessageView


class TaskStarted(SessionFrame):
    """A run has begun, once a run; `message` is the prompt in the place it takes now."""

    type: Literal["task_started"]
    content: Sentence
    message: MessageView | None


class Generating(SessionFrame):
    """Text as it comes. It replaces what stands at and after `off`: a piece that comes again is not doubled."""

    type: Literal["generating"]
    message_id: UUID
    off: Off
    data: GeneratingData


class Stream(SessionFrame):
    """What happens beside the text: steps, output of tools, queueing, park and resume, delegated work, a new title.

    `event` names the fact, `content` says it in words. The row that changed is in `step`, `run` or `session`. With
    `step.output` the content is a piece of the output of `step_id`, to be put at `off`.
    """

    type: Literal["stream"]
    event: str = Field(examples=["step.started"])
    content: str
    step: StepRow | None = None
    run: RunRow | None = None
    session: SessionRow | None = None
    step_id: UUID | None = None
    off: Off | None = None


class RequestConfirmation(SessionFrame):
    """A question to be decided with `confirm`; `recovery` asks what became of a call that may have taken effect."""

    type: Literal["request_confirmation"]
    interaction_id: UUID
    step_id: UUID
    kind: Literal["confirmation", "recovery"]
    message: Sentence
    tool: str
    arguments: dict[str, Any]
    display: dict[str, Any]
    risk: str
    risk_reason: str
    expires_at: datetime | None
    allowed_decisions: list[str] = Field(examples=[["approve", "edit", "reject", "respond"]])
    grantable: bool = Field(description='Whether scope "session" would work.')
    digest: str = Field(description="SHA-256 of what is shown; what runs is what was shown.")
    position: Position
    created_at: datetime


class RequestUserInput(SessionFrame):
    """A form to be filled in: answer with `user_input`, or decline with `confirm {decision: "decline"}`."""

    type: Literal["request_user_input"]
    interaction_id: UUID
    step_id: UUID
    message: Sentence
    fields: list[FormField]
    schema_: dict[str, Any] = Field(alias="schema", description="The same as a flat JSON Schema object.")
    expires_at: datetime | None
    allowed_decisions: list[str]
    digest: str
    position: Position
    created_at: datetime


class InteractionResolved(SessionFrame):
    """A question is closed, by whoever came first, by its deadline, or with its run."""

    type: Literal["interaction_resolved"]
    interaction_id: UUID
    step_id: UUID
    kind: Literal["confirmation", "input", "recovery"]
    status: Literal["answered", "expired", "cancelled"]
    decision: str
    answer: dict[str, Any] | None
    answered_by: str
    answered_via: Literal["person", "timeout", "cancel"]
    answered_at: datetime


class TaskCompleted(SessionFrame):
    """A run has completed; `content` is its answer."""

    type: Literal["task_completed"]
    content: str
    values: dict[str, Any] | None = Field(None, description="The answer again, when it is a JSON object.")


class TaskFailed(SessionFrame):
    """A run has failed."""

    type: Literal["task_failed"]
    content: Sentence
    error: TaskError
    actions: list[str] = Field(examples=[["retry"]])


class TaskCancelled(SessionFrame):
    """A run was stopped."""

    type: Literal["task_cancelled"]
    content: Sentence
    actions: list[str]


class Ack(Frame):
    """The answer to a command with a `cmd_id`. A repeat of the command gets this first answer again."""

    type: Literal["ack"]
    cmd_id: str
    ok: bool
    result: dict[str, Any] | None = Field(None, description="What the command made.")
    error: ErrorDetail | None = None


class ErrorFrame(Frame):
    """A frame of yours could not be taken."""

    type: Literal["error"]
    error: ErrorDetail


class HeartbeatAnswer(Frame):
    """The answer to a `heartbeat`."""

    type: Literal["heartbeat"]
    timestamp: float | str | None


class ServerRestarting(Frame):
    """The server restarts and closes with 1012. Reconnect with your cursor: nothing is lost."""

    type: Literal["server_restarting"]
    content: Sentence


OUTGOING: tuple[type[Frame], ...] = (
    ConnectionReady,
    InitialState,
    MessageFrame,
    TaskStarted,
    Generating,
    Stream,
    RequestConfirmation,
    RequestUserInput,
    InteractionResolved,
    TaskCompleted,
    TaskFailed,
    TaskCancelled,
    Ack,
    ErrorFrame,
    HeartbeatAnswer,
    ServerRestarting,
)


def frame_type(frame: type[BaseModel]) -> str:
    """The `type` of a declared frame."""
    return str(frame.model_fields["type"].annotation.__args__[0])  # type: ignore[union-attr]
