"""Permission rules and the record of what the gate decided. Sessions, runs and users are named by plain ids."""

from datetime import datetime
from typing import Any, NoReturn

from django.db import models
from django.db.models import Q
from django.utils import timezone

from agentsite.core.models import BaseModel


class PermissionQuerySet(models.QuerySet["ToolPermission"]):
    """Permissions by whether they hold."""

    def in_force(self, moment: datetime) -> "PermissionQuerySet":
        """Neither revoked nor expired at `moment`."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=moment), revoked_at=None)


class AppendOnlyError(Exception):
    """A decision is never changed or deleted, except by retention."""

    def __init__(self) -> None:
        super().__init__("Tool decisions are append-only.")


class DecisionQuerySet(models.QuerySet["ToolDecision"]):
    """Decisions can be read and added; retention alone takes old ones away."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refused: raises AppendOnlyError."""
        raise AppendOnlyError

    def bulk_update(self, objs: Any, fields: Any, batch_size: int | None = None) -> NoReturn:
        """Refused: raises AppendOnlyError."""
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        """Refused: raises AppendOnlyError."""
        raise AppendOnlyError

    def delete_older_than(self, moment: datetime) -> int:
        """Retention: delete what was decided before `moment`; returns how many."""
        count, _ = models.QuerySet.delete(self.filter(created_at__lt=moment))
        return count


class ToolPermission(BaseModel):
    """A rule: this tool is allowed, asked about or denied, for the whole site or one session."""

    class Layer(models.TextChoices):
        SITE = "site"
        SESSION = "session"

    class Action(models.TextChoices):
        ALLOW = "allow"
        ASK = "ask"
        DENY = "deny"

    layer = models.CharField(max_length=10, choices=Layer.choices, default=Layer.SITE)
    session_id = models.UUIDField(null=True, blank=True, db_index=True)
    tool = models.CharField(max_length=100, help_text="A tool's name, or * for every tool.")
    action = models.CharField(max_length=10, choices=Action.choices)
    waivable = models.BooleanField(default=False, help_text='An "ask" that "allow for this session" may answer.')
    origin = models.CharField(max_length=20, default="admin", help_text="admin, or the interaction that granted it.")
    interaction_id = models.UUIDField(null=True, blank=True, editable=False)
    created_by_id = models.BigIntegerField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True, help_text="Why; people who are asked or refused read it.")

    objects = PermissionQuerySet.as_manager()

    class Meta:
        ordering = ["layer", "tool", "created_at"]
        indexes = [
            models.Index(
                fields=["tool", "layer", "session_id"], condition=Q(revoked_at=None), name="toolpermission_open"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="toolpermission_session_layer_names_a_session",
                condition=Q(layer="session", session_id__isnull=False) | Q(layer="site", session_id__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.tool} ({self.layer})"

    @property
    def state(self) -> str:
        """active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= timezone.now() else "active"


class ToolDecision(BaseModel):
    """What was decided for one call, by a rule, a default or a person. Append-only."""

    run_id = models.UUIDField(db_index=True)
    session_id = models.UUIDField(db_index=True)
    step_id = models.UUIDField(db_index=True)
    user_id = models.BigIntegerField(help_text="For whom the call would run.")
    tool = models.CharField(max_length=100)
    arguments_digest = models.CharField(max_length=64)
    decision = models.CharField(max_length=10, help_text="allow, ask or deny")
    source = models.CharField(max_length=20, help_text="rule, default, grant, person, timeout or nobody")
    reason = models.CharField(max_length=300)
    risk = models.CharField(max_length=10)
    rule_id = models.UUIDField(null=True, blank=True)
    decided_by_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.decision} {self.tool}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Add it. Raises AppendOnlyError when it is stored already."""
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, using: Any = None, keep_parents: bool = False) -> NoReturn:
        """Refused: raises AppendOnlyError."""
        raise AppendOnlyError
