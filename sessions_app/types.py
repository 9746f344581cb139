"""The words of runs: states, kinds and the types of events."""

from django.db.models import TextChoices


class RunStatus(TextChoices):
    """Where a run is; the last three are ends and never change."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    CANCELLING = "cancelling"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)
LIVE = (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.CANCELLING)
HELD = (RunStatus.RUNNING, RunStatus.CANCELLING)


class WaitReason(TextChoices):
    """What a waiting run waits for."""

    CONFIRMATION = "confirmation"
    INPUT = "input"
    RECOVERY = "recovery"
    CHILD = "child"
    RETRY = "retry"


class StepKind(TextChoices):
    """What kind of effect a step records."""

    MODEL = "model"
    TOOL = "tool"
    QUESTION = "question"
    DELEGATE = "delegate"


class StepStatus(TextChoices):
    """Where a step is; `unknown` may have taken effect."""

    PLANNED = "planned"
    WAITING = "waiting"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


STEP_ENDED = (
    StepStatus.SUCCEEDED,
    StepStatus.FAILED,
    StepStatus.DENIED,
    StepStatus.CANCELLED,
    StepStatus.UNKNOWN,
)


class InteractionKind(TextChoices):
    """What a person is asked."""

    CONFIRMATION = "confirmation"
    INPUT = "input"
    RECOVERY = "recovery"


class InteractionStatus(TextChoices):
    """A question is answered once, by whoever comes first."""

    PENDING = "pending"
    ANSWERED = "answered"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


class MessageRole(TextChoices):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


class MessageStatus(TextChoices):
    """`queued` waits for its run; `incomplete` was stopped or failed; `superseded` was begun again."""

    QUEUED = "queued"
    STREAMING = "streaming"
    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class Strategy(TextChoices):
    """What a message does while a run is on."""

    ENQUEUE = "enqueue"
    REJECT = "reject"
    INTERRUPT = "interrupt"


class RecoveryChoice(TextChoices):
    """The answers to "this may have taken effect"."""

    HAPPENED = "happened"
    RUN_AGAIN = "run_again"
    SKIP = "skip"
    STOP = "stop"


class EventType(TextChoices):
    """What an event tells.

    All but the two deltas carry the whole public row that changed.
    """

    SESSION_UPDATED = "session.updated"
    MESSAGE_CREATED = "message.created"
    MESSAGE_UPDATED = "message.updated"
    MESSAGE_STARTED = "message.started"
    MESSAGE_DELTA = "message.delta"
    MESSAGE_COMPLETED = "message.completed"
    MESSAGE_INCOMPLETE = "message.incomplete"
    MESSAGE_SUPERSEDED = "message.superseded"
    RUN_QUEUED = "run.queued"
    RUN_STARTED = "run.started"
    RUN_RESUMED = "run.resumed"
    RUN_WAITING = "run.waiting"
    RUN_CANCELLING = "run.cancelling"
    RUN_COMPLETED = "run.completed"
    RUN_FAILED = "run.failed"
    RUN_CANCELLED = "run.cancelled"
    STEP_PLANNED = "step.planned"
    STEP_WAITING = "step.waiting"
    STEP_STARTED = "step.started"
    STEP_OUTPUT = "step.output"
    STEP_SUCCEEDED = "step.succeeded"
    STEP_FAILED = "step.failed"
    STEP_DENIED = "step.denied"
    STEP_CANCELLED = "step.cancelled"
    STEP_UNKNOWN = "step.unknown"
    INTERACTION_REQUESTED = "interaction.requested"
    INTERACTION_RESOLVED = "interaction.resolved"


DELTAS = (EventType.MESSAGE_DELTA, EventType.STEP_OUTPUT)
