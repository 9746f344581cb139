"""What a person says: accept a message with its run, change or withdraw one that still waits."""

from uuid import UUID

from django.conf import settings
from django.db import transaction

from agents_app import selectors as agents
from agents_app.models import Agent
from agentsite.access.models import User
from agentsite.core.errors import ConflictError, InvalidError, RateLimitedError
from agentsite.core.rows import all_rows, insert_rows, update_row
from agentsite.core.text import clean_text
from sessions_app import dispatch
from sessions_app.models import Message, Run
from sessions_app.services import journal
from sessions_app.services.endings import cancel_run_rows
from sessions_app.services.journal import Entry
from sessions_app.services.sessions import create_session
from sessions_app.types import EventType, MessageRole, MessageStatus, RunStatus, Strategy

QUEUE_DEPTH = 10
TITLE_LENGTH = 80


class BusyError(ConflictError):
    """A run is on and the sender asked not to wait."""

    code = "busy"


class QueueFullError(RateLimitedError):
    """Too many messages wait in one session."""

    code = "queue_full"


def send_message(
    *,
    session_id: UUID,
    user: User,
    text: str,
    strategy: str = Strategy.ENQUEUE,
    door: str = "chat",
    interactive: bool = True,
) -> Run:
    """Accept `text` and queue its run.

    Raises InvalidError, BusyError (strategy reject) and QueueFullError.
    """
    text = checked_text(text)
    if strategy not in Strategy.values:
        raise InvalidError(f"`strategy` is one of {', '.join(Strategy.values)}.", details={"field": "strategy"})
    with journal.writing(session_id, "message.send") as entry:
        live = all_rows(Run, session_id=session_id, parent_id__isnull=True, ended_at__isnull=True)
        _refuse_where_full(live, strategy)
        run = _queue(entry, user, text, strategy, door, interactive, waits=bool(live))
        if strategy == Strategy.INTERRUPT:
            for other in live:
                cancel_run_rows(entry, other, user)
    return run


def begin_session(*, owner: User, agent: Agent | None, text: str) -> Run:
    """A session with its first message, both or neither.

    Raises InvalidError.
    """
    with transaction.atomic():
        session = create_session(owner=owner, agent=agent)
        return send_message(session_id=session.id, user=owner, text=text)


def edit_queued_message(*, message_id: UUID, text: str) -> Message:
    """Change a message that still waits for its run.

    Raises ConflictError when its run has begun.
    """
    text = checked_text(text)
    waiting = Message.objects.get(id=message_id)
    with journal.writing(waiting.session_id, "message.edit") as entry:
        message = _queued(message_id)
        message.text = text
        message.save(update_fields=["text"])
        Run.objects.filter(prompt=message).update(prompt_text=text)
        entry.tell_message(EventType.MESSAGE_UPDATED, message)
    return message


def withdraw_message(*, message_id: UUID, user: User) -> Message:
    """Take back a message that still waits.

    Raises ConflictError when its run has begun.
    """
    waiting = Message.objects.get(id=message_id)
    with journal.writing(waiting.session_id, "message.edit") as entry:
        message = _queued(message_id)
        run = Run.objects.select_related("prompt").get(prompt=message)
        cancel_run_rows(entry, run, user)
    message.refresh_from_db()
    return message


def checked_text(text: str) -> str:
    """`text` without surrounding blank lines, fit to store.

    Raises InvalidError when empty or too long.
    """
    cleaned = clean_text(text)[0].strip()
    limit = settings.AGENTSITE.message_characters
    if not cleaned:
        raise InvalidError("Write a message first.", details={"field": "content"})
    if len(cleaned) > limit:
        raise InvalidError(
            f"The message has {len(cleaned):,} characters; the most is {limit:,}. Shorten it or send it in parts.",
            details={"field": "content", "limit": limit},
        )
    return cleaned


def _refuse_where_full(live: list[Run], strategy: str) -> None:
    if live and strategy == Strategy.REJECT:
        raise BusyError("A run is on in this session. Wait for it, stop it, or send with another strategy.")
    if len(live) > QUEUE_DEPTH:
        raise QueueFullError(
            f"{QUEUE_DEPTH} messages wait already. Wait for one to be taken, or withdraw one.",
            details={"retry_after": 10},
        )


def _queue(entry: Entry, user: User, text: str, strategy: str, door: str, interactive: bool, *, waits: bool) -> Run:
    session = entry.session
    agent = session.agent or agents.default_agent()
    run = Run(
        session=session,
        agent=agent,
        prompt_text=text,
        strategy=strategy,
        door=door,
        interactive=interactive,
        queued_at=entry.now,
    )
    message = Message(
        session=session,
        role=MessageRole.USER,
        status=MessageStatus.QUEUED if waits else MessageStatus.COMPLETED,
        text=text,
        author=user.get_username(),
        position=entry.next_seq,
        created_at=entry.now,
    )
    insert_rows([run])
    message.run = run
    insert_rows([message])
    run.prompt = message
    update_row(run, "prompt")
    entry.tell_message(EventType.MESSAGE_CREATED, message)
    entry.tell_run(EventType.RUN_QUEUED, run)
    _name_session(entry, text)
    dispatch.runs_are_queued()
    return run


def _name_session(entry: Entry, text: str) -> None:
    session = entry.session
    if session.title:
        return
    first = " ".join(text.split())
    session.title = first if len(first) <= TITLE_LENGTH else first[: TITLE_LENGTH - 1].rstrip() + "…"
    update_row(session, "title")
    entry.tell_session(EventType.SESSION_UPDATED)


def _queued(message_id: UUID) -> Message:
    message = Message.objects.select_for_update(of=("self",)).get(id=message_id)
    queued = Run.objects.filter(prompt=message, status=RunStatus.QUEUED, started_at=None).exists()
    if message.status != MessageStatus.QUEUED or not queued:
        raise ConflictError("The agent has begun with this message.")
    return message
