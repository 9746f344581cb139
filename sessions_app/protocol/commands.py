"""Every frame that a client may send, declared. Unknown names are refused, so that a misspelt one is noticed."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StrictBool

from sessions_app.serializers import Answer, Body, CommandId


class Command(Body):
    """A frame of a client."""

    cmd_id: CommandId = ""


class ConnectionAcknowledged(Command):
    """Allowed and not needed: the server waits for nothing."""

    type: Literal["connection_acknowledged"]


class SendMessage(Command):
    """Say something; it starts a run. `strategy` is for when one is on: wait for it, be refused, or stop it."""

    type: Literal["message"]
    content: str = Field(examples=["What is 17 * 23?"])
    strategy: Literal["enqueue", "reject", "interrupt"] = "enqueue"


class Confirm(Command):
    """Decide a question.

    Without `interaction_id` it counts only if exactly one question is open and this connection was sent it.
    """

    type: Literal["confirm"]
    interaction_id: UUID | None = None
    value: StrictBool | None = Field(None, description="true means approve, false means reject.")
    decision: str | None = Field(None, description="One of the question's `allowed_decisions`.", examples=["approve"])
    arguments: dict[str, Any] | None = Field(None, description="With edit: the arguments, whole.")
    reason: str = Field("", description="With reject, for the model; with respond, the answer in the tool's place.")
    scope: Literal["once", "session"] = Field("once", description='"session" allows the tool for the rest of it.')

    def answer(self) -> Answer:
        """What was decided."""
        return Answer.model_validate(self.model_dump(exclude={"type", "cmd_id", "interaction_id"}))


class UserInput(Command):
    """Fill in a form.

    Without `interaction_id` it counts only if exactly one question is open and this connection was sent it.
    """

    type: Literal["user_input"]
    interaction_id: UUID | None = None
    values: dict[str, Any] = Field(examples=[{"city": "Lisbon"}])

    def answer(self) -> Answer:
        """What was filled in."""
        return Answer.model_validate({"values": self.values})


class Cancel(Command):
    """Stop what is on, and take back what waits."""

    type: Literal["cancel"]


class Heartbeat(Command):
    """Is anybody there? Answered at once with the same timestamp."""

    type: Literal["heartbeat"]
    timestamp: float | str | None = None


Incoming = Annotated[
    ConnectionAcknowledged | SendMessage | Confirm | UserInput | Cancel | Heartbeat, Field(discriminator="type")
]
INCOMING: tuple[type[Command], ...] = (ConnectionAcknowledged, SendMessage, Confirm, UserInput, Cancel, Heartbeat)
