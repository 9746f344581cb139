"""The rows of a conversation."""

from sessions_app.models.conversation import Command, Event, Message, Session
from sessions_app.models.execution import Interaction, Run, Secret, Step

__all__ = ["Command", "Event", "Interaction", "Message", "Run", "Secret", "Session", "Step"]
