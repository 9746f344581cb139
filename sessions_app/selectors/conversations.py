"""Checked reads of a person's sessions, runs and questions: what is not theirs does not exist."""

from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from agentsite.access.models import User
from agentsite.core.errors import NotFoundError
from sessions_app.models import Interaction, Message, Run, Session, Step
from sessions_app.types import LIVE, InteractionStatus, MessageStatus, RunStatus


def get_session(user: User, session_id: UUID) -> Session:
    """One session of this user.

    Raises NotFoundError.
    """
    session = Session.objects.select_related("agent").filter(id=session_id, owner_id=user.pk).first()
    if session is None:
        raise NotFoundError
    return session


def list_sessions(user: User, query: str = "") -> QuerySet[Session]:
    """This user's sessions, the latest first, each with `is_running` and `is_waiting`; `query` searches titles and
    messages."""
    live = Run.objects.filter(session=OuterRef("pk"), status__in=LIVE)
    sessions = Session.objects.filter(owner_id=user.pk).select_related("agent")
    sessions = sessions.annotate(
        is_running=Exists(live.exclude(status=RunStatus.WAITING)),
        is_waiting=Exists(Interaction.objects.filter(session=OuterRef("pk"), status=InteractionStatus.PENDING)),
    )
    if query:
        said = Message.objects.filter(session=OuterRef("pk"), text__icontains=query)
        sessions = sessions.filter(Q(title__icontains=query) | Exists(said))
    return sessions.order_by("-active_at")


def get_run(user: User, run_id: UUID) -> Run:
    """One run of this user's sessions.

    Raises NotFoundError.
    """
    run = Run.objects.select_related("session").filter(id=run_id, session__owner_id=user.pk).first()
    if run is None:
        raise NotFoundError
    return run


def list_runs(user: User, *, session_id: UUID | None = None, status: str = "") -> QuerySet[Run]:
    """This user's runs, the latest first; of one session and one status where named."""
    rows = Run.objects.filter(session__owner_id=user.pk)
    if session_id is not None:
        rows = rows.filter(session_id=session_id)
    return (rows.filter(status=status) if status else rows).order_by("-queued_at")


def list_steps(run_id: UUID) -> QuerySet[Step]:
    """What a run did, in order."""
    return Step.objects.filter(run_id=run_id).order_by("position", "planned_at")


def get_message(user: User, message_id: UUID) -> Message:
    """One message of this user's sessions.

    Raises NotFoundError.
    """
    message = Message.objects.filter(id=message_id, session__owner_id=user.pk).first()
    if message is None:
        raise NotFoundError
    return message


def get_interaction(user: User, interaction_id: UUID) -> Interaction:
    """One question of this user's sessions.

    Raises NotFoundError.
    """
    interaction = (
        Interaction.objects.select_related("answered_by").filter(id=interaction_id, session__owner_id=user.pk).first()
    )
    if interaction is None:
        raise NotFoundError
    return interaction


def list_interactions(user: User, status: str = "") -> QuerySet[Interaction]:
    """This user's questions, the newest first."""
    rows = Interaction.objects.filter(session__owner_id=user.pk).select_related("answered_by")
    return (rows.filter(status=status) if status else rows).order_by("-created_at")


def list_open_questions(session_id: UUID) -> QuerySet[Interaction, UUID]:
    """The ids of the questions that are open in a session."""
    open_ = Interaction.objects.filter(session_id=session_id, status=InteractionStatus.PENDING)
    return open_.values_list("id", flat=True)


def count_messages(session_id: UUID) -> int:
    """How many messages a session keeps; one that was begun again counts once."""
    return Message.objects.filter(session_id=session_id).exclude(status=MessageStatus.SUPERSEDED).count()


def live_run(session_id: UUID) -> Run | None:
    """The run that holds the session now, or the next one queued."""
    runs = Run.objects.filter(session_id=session_id, parent=None, status__in=LIVE)
    return runs.filter(started_at__isnull=False).first() or runs.order_by("queued_at", "id").first()
