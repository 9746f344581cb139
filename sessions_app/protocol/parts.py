"""What frames are made of."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from sessions_app.serializers import Position

Seq = Annotated[int, Field(description="The cursor: reconnect with `?after=` this, once the frame has been applied.")]
Off = Annotated[int, Field(description="Where the text goes, in UTF-16 code units, as JavaScript counts.")]
Sentence = Annotated[str, Field(description="A sentence for a person.")]


class Part(BaseModel):
    """A part of a frame."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetail(Part):
    """What went wrong, as in REST's error envelope."""

    code: str = Field(examples=["invalid"])
    message: Sentence
    details: dict[str, Any] = Field(default_factory=dict)


class MessageView(Part):
    """A message with its text."""

    message_id: UUID
    role: Literal["user", "assistant"]
    content: str
    status: Literal["queued", "streaming", "completed", "incomplete", "superseded", "withdrawn"]
    reasoning: str
    reason: str = Field(description="Why it is incomplete.")
    author: str
    thought_seconds: float | None
    position: Position
    created_at: datetime
    ended_at: datetime | None


class GeneratingData(Part):
    """Text of a message."""

    content: str
    event: Literal["delta", "reasoning", "completed"] = Field(
        description="delta: goes to `off` of the text; reasoning: to `off` of the reasoning; completed: the whole text."
    )
    reasoning: str = Field("", description="With completed: the whole reasoning.")


class FormField(Part):
    """One field of a form."""

    name: str
    title: str
    description: str
    type: Literal["text", "number", "integer", "checkbox", "choice", "secret"]
    value: Any = Field(description="What to show at first.")
    required: bool
    options: list[Any] = Field(description="Of a choice.")


class TaskError(Part):
    """Why a run failed."""

    code: str = Field(examples=["engine_timeout"])
    message: Sentence
    retryable: bool = Field(description="Whether `POST /api/runs/<id>/retry` or `/continue` would work.")
