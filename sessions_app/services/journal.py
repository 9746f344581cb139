"""The journal: an event is written in the same transaction as the change it tells.

`seq` is taken from the session's row, which the transaction holds, so commit order is seq order. Locks are taken
sessions first, then runs. Readers are told after the commit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from agentsite.core.rows import insert_rows, one_row, update_row
from sessions_app import broker, faults
from sessions_app.fold import JournalEvent
from sessions_app.models import Event, Interaction, Message, Run, Session, Step
from sessions_app.representations import (
    public_interaction,
    public_message,
    public_run,
    public_session,
    public_step,
)


class Entry:
    """One transaction's events of one session, numbered as they are added."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.now = timezone.now()
        self.events: list[JournalEvent] = []

    @property
    def next_seq(self) -> int:
        """The number the next event will have."""
        return self.session.seq + len(self.events) + 1

    def add(self, type_: str, *, run_id: UUID | None, subject: UUID | None, data: dict[str, Any]) -> None:
        """Add an event; `data` is JSON."""
        self.events.append(JournalEvent(self.next_seq, str(type_), run_id, subject, data, self.now.isoformat()))

    def tell_session(self, type_: str) -> None:
        """Tell the session's own row."""
        self.add(type_, run_id=None, subject=self.session.id, data={"session": public_session(self.session)})

    def tell_message(self, type_: str, message: Message, run: Run | None = None) -> None:
        """Tell a message's row, and the run's where it has changed with it."""
        data = {"message": public_message(message)}
        if run is not None:
            data["run"] = public_run(run)
        self.add(type_, run_id=message.run_id, subject=message.id, data=data)

    def tell_run(self, type_: str, run: Run, message: Message | None = None) -> None:
        """Tell a run's row, and the prompt that takes its place with it."""
        data = {"run": public_run(run)}
        if message is not None:
            data["message"] = public_message(message)
        self.add(type_, run_id=run.id, subject=run.id, data=data)

    def tell_step(self, type_: str, step: Step) -> None:
        """Tell a step's row."""
        self.add(type_, run_id=step.run_id, subject=step.id, data={"step": public_step(step)})

    def tell_interaction(self, type_: str, interaction: Interaction) -> None:
        """Tell a question's row."""
        data = {"interaction": public_interaction(interaction)}
        self.add(type_, run_id=interaction.run_id, subject=interaction.id, data=data)


@contextmanager
def writing(session_id: UUID, commit: str) -> Iterator[Entry]:
    """One transaction on one session; `commit` names its fault points. Raises Session.DoesNotExist.

    1. Lock the session's row. 2. The caller changes rows and adds events. 3. Store both.
    4. After the commit, ring.
    """
    if commit not in faults.COMMITS:
        raise ValueError(f"{commit!r} has no fault points; name it in sessions_app/faults.py")
    with transaction.atomic():
        transaction.on_commit(lambda: faults.point(f"{commit}.after"))
        session = one_row(Session, lock=True, id=session_id)
        if session is None:
            raise Session.DoesNotExist
        entry = Entry(session)
        yield entry
        store([entry])
        faults.point(f"{commit}.before")


def store(entries: Sequence[Entry]) -> None:
    """Store the events of some sessions inside the caller's transaction, and ring after its commit."""
    told = [entry for entry in entries if entry.events]
    for entry in told:
        entry.session.seq, entry.session.active_at = entry.events[-1].seq, entry.now
        update_row(entry.session, "seq", "active_at")
        hint = broker.Hint(entry.session.id, entry.session.seq, tuple(entry.events))
        transaction.on_commit(partial(broker.ring, hint), robust=True)
    insert_rows([row for entry in told for row in _rows(entry)])


def _rows(entry: Entry) -> Iterator[Event]:
    for event in entry.events:
        yield Event(
            session_id=entry.session.id,
            seq=event.seq,
            run_id=event.run_id,
            type=event.type,
            subject=event.subject,
            data=event.data,
            created_at=entry.now,
        )
