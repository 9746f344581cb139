"""Sessions: make, rename, give another agent, delete."""

from uuid import UUID

from django.db import transaction

from agents_app import selectors as agents
from agents_app.models import Agent
from agentsite.access.models import User
from agentsite.core.errors import ConflictError, InvalidError
from sessions_app import broker, faults
from sessions_app.models import Run, Session
from sessions_app.services import journal
from sessions_app.services.endings import cancel_run_rows
from sessions_app.types import HELD, LIVE, EventType
from tools_app import services as tools

TITLE_CHARACTERS = 200


def create_session(*, owner: User, agent: Agent | None = None, title: str = "") -> Session:
    """An empty session of `owner` with `agent`, or the default one.

    Raises InvalidError for a long title.
    """
    session = Session(owner=owner, agent=agent or agents.default_agent(), title=_title(title))
    with transaction.atomic():
        session.save(force_insert=True)
        with journal.writing(session.id, "session.create") as entry:
            entry.tell_session(EventType.SESSION_UPDATED)
    session.refresh_from_db()
    return session


def update_session(*, session_id: UUID, title: str | None = None, agent: Agent | None = None) -> Session:
    """Rename a session or give it another agent from its next run on.

    Raises InvalidError.
    """
    with journal.writing(session_id, "session.update") as entry:
        session = entry.session
        if title is not None:
            session.title = _title(title)
        if agent is not None:
            session.agent = agent
        session.save(update_fields=["title", "agent"])
        entry.tell_session(EventType.SESSION_UPDATED)
    return session


def delete_session(*, session_id: UUID, user: User) -> None:
    """Delete a session with all that belongs to it.

    Raises ConflictError while a run is still being stopped.
    """
    with journal.writing(session_id, "session.update") as entry:
        for run in Run.objects.filter(session_id=session_id, parent=None, status__in=LIVE):
            cancel_run_rows(entry, run, user)
    with transaction.atomic():
        transaction.on_commit(lambda: faults.point("session.delete.after"))
        transaction.on_commit(lambda: broker.ring(broker.Hint(session_id, entry.session.seq + 1)), robust=True)
        if Run.objects.filter(session_id=session_id, status__in=HELD).exists():
            raise ConflictError("Its run is being stopped. Delete the session again in a moment.")
        Session.objects.filter(id=session_id).delete()
        tools.forget_session(session_id=session_id)
        faults.point("session.delete.before")


def _title(title: str) -> str:
    title = " ".join(title.split())
    if len(title) > TITLE_CHARACTERS:
        raise InvalidError(f"A title has at most {TITLE_CHARACTERS} characters.", details={"field": "title"})
    return title
