"""A session, what was said in it, its journal, and the commands it has taken."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from agents_app.models import Agent
from agentsite.core.models import BaseModel
from sessions_app.types import DELTAS, EventType, MessageRole, MessageStatus


class Session(BaseModel):
    """One lasting conversation, owned by a user.

    `seq` is the number of its last event; events below `min_seq` may be gone (retention).
    """

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="chat_sessions")
    agent = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    title = models.CharField(max_length=200, blank=True)
    seq = models.PositiveBigIntegerField(default=0, editable=False)
    min_seq = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    active_at = models.DateTimeField(auto_now_add=True, help_text="When something last happened in it.")

    class Meta:
        ordering = ["-active_at"]
        indexes = [models.Index(fields=["owner", "-active_at"], name="session_owner_active")]

    def __str__(self) -> str:
        return self.title or "New session"


class Message(BaseModel):
    """An utterance.

    `position` is the seq of the event that put it into the conversation.     `text` and `reasoning` stay empty while
    it streams: until then the journal's deltas are the text.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="messages")
    run = models.ForeignKey("sessions_app.Run", null=True, on_delete=models.CASCADE, related_name="messages")
    role = models.CharField(max_length=10, choices=MessageRole.choices)
    status = models.CharField(max_length=12, choices=MessageStatus.choices)
    text = models.TextField(blank=True)
    reasoning = models.TextField(blank=True)
    reason = models.CharField(max_length=40, blank=True, help_text="Why it is incomplete.")
    author = models.CharField(max_length=100, blank=True, help_text="The name line.")
    thought_seconds = models.FloatField(null=True, blank=True, help_text="From its first thought to its first word.")
    position = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        indexes = [models.Index(fields=["session", "position"], name="message_session_position")]

    def __str__(self) -> str:
        return f"{self.role}: {self.text[:60]}"


class Event(models.Model):
    """One numbered, unchangeable fact in a session.

    `subject` is the id of the row it tells of.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events", db_index=False)
    seq = models.PositiveBigIntegerField()
    run_id = models.UUIDField(null=True)
    type = models.CharField(max_length=24, choices=EventType.choices)
    subject = models.UUIDField(null=True)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["seq"]
        constraints = [models.UniqueConstraint(fields=["session", "seq"], name="event_session_seq")]
        indexes = [
            models.Index(fields=["subject"], condition=Q(type__in=[str(t) for t in DELTAS]), name="event_delta_subject")
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.type}"


class Command(BaseModel):
    """A command that a client sent with a `cmd_id`: a repeat gets the first answer."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    cmd_id = models.CharField(max_length=64)
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "cmd_id"], name="command_once")]

    def __str__(self) -> str:
        return self.cmd_id
