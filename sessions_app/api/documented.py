"""Answers and parameters that only REST has, as the OpenAPI document shows them."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter
from pydantic import BaseModel, Field, create_model

from sessions_app.serializers import EventRow, InteractionRow, ListedSessionRow, MessageRow, Row, RunRow, SessionRow

BEFORE = OpenApiParameter("before", int, description="Page back: only what stands before this position.")
AFTER = OpenApiParameter("after", int, description="Only what follows this seq.")
LIMIT = OpenApiParameter("limit", int, description="At most so many rows.")
CURSOR = OpenApiParameter("cursor", str, description="From `next` of the page before.")
STATUS = OpenApiParameter("status", str, description="Only those of this status.")


class ErrorBody(Row):
    """What went wrong."""

    code: str = Field(description="Stable, for programs.", examples=["not_found"])
    message: str = Field(description="For people: what to do.", examples=["Not found."])
    details: dict[str, Any] = Field(examples=[{}])
    request_id: str = Field(description="Name it to the operator.", examples=["0f9c2a6d4be84c1e9d7a35b8c1f20e64"])


class ErrorEnvelope(Row):
    """Every error."""

    error: ErrorBody


class ChatAnswer(Row):
    """A message was taken and its run is queued."""

    session_id: UUID
    run_id: UUID
    message_id: UUID
    query: str = Field(examples=["What is 17 * 23?"])


class CancelAnswer(Row):
    """What became of what was on."""

    status: Literal["cancelled", "cancelling", "none"]


class SessionState(Row):
    """A session at one seq."""

    session_id: UUID
    session: SessionRow
    is_connected: bool = Field(description="Somebody follows it now.")
    task_exists: bool = Field(description="A run is on, waits or is queued.")
    saved_state_messages: int = Field(description="How many messages the session keeps.")
    state_messages: list[dict[str, Any]] = Field(description="Frames of the socket that rebuild the page.")
    state_count: int
    seq: int = Field(description="Follow from here: `?after=` of the socket and the event stream.")
    before: int | None = Field(description="The position to page back from, null when nothing is older.")


class SessionDetail(ListedSessionRow):
    """A session with the seq of its last event."""

    seq: int


class MessagePage(Row):
    """Messages in the order of the conversation."""

    results: list[MessageRow]
    before: int | None = Field(description="The position to page back from, null when nothing is older.")


class EventPage(Row):
    """Events in order."""

    results: list[EventRow]
    next: int | None = Field(description="The seq to go on after, null at the end.")


class RunDetail(RunRow):
    """A run with its session."""

    session_id: UUID


class InteractionDetail(InteractionRow):
    """A question with its session."""

    session_id: UUID


class AgentRow(Row):
    """An agent that may be chosen."""

    id: UUID
    slug: str = Field(examples=["assistant"])
    name: str
    description: str
    template: str
    tools: list[str]
    is_default: bool


class TemplateRow(Row):
    """A kind of agent."""

    key: str = Field(examples=["assistant"])
    title: str
    description: str
    version: str = Field(examples=["1.0.0"])
    config_schema: dict[str, Any]


class EngineRow(Row):
    """A model behind an API; its key is never shown."""

    id: UUID
    name: str
    provider: str
    base_url: str
    model: str
    context_tokens: int
    output_tokens: int
    input_price: float = Field(description="Per million tokens.")
    output_price: float = Field(description="Per million tokens.")
    has_key: bool
    enabled: bool
    is_default: bool


class ToolRow(Row):
    """A tool that agents may call."""

    name: str = Field(examples=["shell"])
    description: str
    effect: Literal["read", "idempotent", "unsafe"]
    risk: Literal["low", "medium", "high"]
    risk_reason: str
    default: Literal["allow", "ask", "deny"] = Field(description="What the gate says where no rule does.")
    timeout_seconds: float
    parameters: dict[str, Any] = Field(description="A JSON Schema object.")
    unavailable: str | None = Field(description="Why it cannot be used here, null when it can.")


class PermissionRow(Row):
    """A tool that was allowed for the rest of a session."""

    id: UUID
    session_id: UUID
    tool: str
    action: Literal["allow", "ask", "deny"]
    interaction_id: UUID | None
    created_at: datetime
    expires_at: datetime | None


def page(row: type[BaseModel]) -> type[BaseModel]:
    """A page of a list."""
    link: Any = (str | None, Field(description="The address of that page, null when there is none."))
    results: Any = (list[row], ...)  # type: ignore[valid-type]
    return create_model(f"{row.__name__}Page", __base__=Row, results=results, next=link, previous=link)


def listing(row: type[BaseModel]) -> type[BaseModel]:
    """A list that does not grow."""
    results: Any = (list[row], ...)  # type: ignore[valid-type]
    return create_model(f"{row.__name__}List", __base__=Row, results=results)
