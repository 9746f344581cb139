"""Runs, their steps, the questions they ask and the secrets they were given."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from agents_app.models import Agent
from agentsite.core.models import BaseModel
from sessions_app.models.conversation import Message, Session
from sessions_app.types import (
    ENDED,
    HELD,
    InteractionKind,
    InteractionStatus,
    RunStatus,
    StepKind,
    StepStatus,
    Strategy,
    WaitReason,
)

_ENDED = [str(status) for status in ENDED]
_HELD = [str(status) for status in HELD]


class Run(BaseModel):
    """One execution of an agent, from a prompt to an outcome.

    `fence` rises with every claim; a write that carries an older fence changes nothing. `frozen` is what the first
    claim
    fixed: config, system prompt, tools, engine, limits, end of the history. `code`, `sentence` and `actions` tell how
    it ended.
    """

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="runs")
    agent = models.ForeignKey(Agent, null=True, on_delete=models.SET_NULL, related_name="+")
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.CASCADE, related_name="children")
    retry_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="retries")
    prompt = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    prompt_text = models.TextField(blank=True)
    status = models.CharField(max_length=12, choices=RunStatus.choices, default=RunStatus.QUEUED)
    wait_reason = models.CharField(max_length=12, choices=WaitReason.choices, blank=True)
    strategy = models.CharField(max_length=10, choices=Strategy.choices, default=Strategy.ENQUEUE)
    interactive = models.BooleanField(default=True)
    door = models.CharField(max_length=20, default="chat")
    depth = models.PositiveSmallIntegerField(default=0)
    frozen = models.JSONField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_owner = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    available_at = models.DateTimeField(null=True, blank=True, help_text="Not claimed before this time.")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    position = models.PositiveBigIntegerField(default=0, help_text="The seq of the event that tells its end.")
    text = models.TextField(blank=True, help_text="The final answer.")
    code = models.CharField(max_length=40, blank=True)
    sentence = models.CharField(max_length=500, blank=True)
    actions = models.JSONField(default=list, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0.0)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-queued_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["session"],
                condition=Q(started_at__isnull=False, ended_at__isnull=True, parent__isnull=True),
                name="run_one_at_a_time",
            ),
            models.CheckConstraint(
                name="run_ended_has_a_time",
                condition=Q(status__in=_ENDED, ended_at__isnull=False)
                | (~Q(status__in=_ENDED) & Q(ended_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="run_held_has_a_lease",
                condition=Q(status__in=_HELD, lease_expires_at__isnull=False)
                | (~Q(status__in=_HELD) & Q(lease_expires_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="run_waiting_has_a_reason",
                condition=(Q(status="waiting") & ~Q(wait_reason="")) | (~Q(status="waiting") & Q(wait_reason="")),
            ),
        ]
        indexes = [
            models.Index(fields=["status", "queued_at"], condition=~Q(status__in=_ENDED), name="run_live"),
            models.Index(fields=["session", "queued_at"], name="run_session_queued"),
        ]

    def __str__(self) -> str:
        return f"{self.status} {self.id}"


class Step(BaseModel):
    """One recorded effect of a run, unique by its key (branch path and ordinal).

    `digest` is of what the effect is; a model call is taken by its key alone. `result` is the recorded outcome that
    replay returns. `output` is the tool's live output, 64 kB at most. `copied_from` marks a step that a Retry brought
    along.
    """

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=StepKind.choices)
    status = models.CharField(max_length=10, choices=StepStatus.choices, default=StepStatus.PLANNED)
    digest = models.CharField(max_length=64, blank=True)
    call_id = models.CharField(max_length=100, blank=True)
    tool = models.CharField(max_length=100, blank=True)
    effect = models.CharField(max_length=10, blank=True)
    display = models.JSONField(default=dict)
    arguments = models.JSONField(default=dict, help_text="As the model asked.")
    effective_arguments = models.JSONField(null=True, help_text="As they run; null until it starts.")
    result = models.JSONField(null=True)
    output = models.TextField(blank=True)
    code = models.CharField(max_length=40, blank=True)
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    child = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    copied_from = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    started_fence = models.PositiveIntegerField(default=0)
    started_owner = models.CharField(max_length=120, blank=True)
    timeout_seconds = models.FloatField(default=0.0)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost = models.FloatField(default=0.0)
    first_token_seconds = models.FloatField(default=0.0)
    position = models.PositiveBigIntegerField(default=0)
    planned_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position", "key"]
        constraints = [models.UniqueConstraint(fields=["run", "key"], name="step_run_key")]
        indexes = [models.Index(fields=["session", "position"], name="step_session_position")]

    def __str__(self) -> str:
        return f"{self.key} {self.tool or self.kind} {self.status}"


class Interaction(BaseModel):
    """A question to a person, bound by `digest` to exactly what was shown; answered by compare-and-set."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="interactions")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="interactions")
    step = models.ForeignKey(Step, on_delete=models.CASCADE, related_name="interactions")
    kind = models.CharField(max_length=12, choices=InteractionKind.choices)
    status = models.CharField(max_length=10, choices=InteractionStatus.choices, default=InteractionStatus.PENDING)
    message = models.TextField()
    tool = models.CharField(max_length=100, blank=True)
    arguments = models.JSONField(default=dict)
    schema = models.JSONField(null=True, blank=True)
    display = models.JSONField(default=dict)
    digest = models.CharField(max_length=64)
    risk = models.CharField(max_length=10, blank=True)
    risk_reason = models.CharField(max_length=300, blank=True)
    allowed_decisions = models.JSONField(default=list)
    grantable = models.BooleanField(default=False, help_text='"Allow for this session" would work.')
    expires_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=12, blank=True)
    answer = models.JSONField(null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_via = models.CharField(max_length=10, blank=True, help_text="person, timeout or cancel")
    position = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        indexes = [
            models.Index(fields=["expires_at"], condition=Q(status="pending"), name="interaction_pending_expiry"),
            models.Index(fields=["session", "position"], name="interaction_session_position"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["step"], condition=Q(status="pending"), name="interaction_one_open_a_step"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}: {self.message[:60]}"


class Secret(BaseModel):
    """The ciphertext of a secret that a form gave to one run; it goes when the run ends."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="secrets")
    name = models.CharField(max_length=100)
    ciphertext = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "name"], name="secret_run_name")]

    def __str__(self) -> str:
        return self.name
