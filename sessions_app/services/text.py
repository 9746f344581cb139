"""Streamed text of all runs of a process goes into the journal in one transaction."""

from collections.abc import Mapping, Sequence
from typing import TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import Model

from agentsite.core.rows import one_row
from sessions_app import faults
from sessions_app.models import Run, Session
from sessions_app.services.holds import Delta, Hold, add_deltas
from sessions_app.services.journal import Entry, store
from sessions_app.types import HELD

_Row = TypeVar("_Row", bound=Model)


def flush_text(*, batch: Mapping[Hold, Sequence[Delta]]) -> list[Hold]:
    """Store each run's text if its hold is still valid; returns the holds that are not, whose text is left out.

    1. lock the sessions, sorted; 2. lock the runs, sorted, and compare fences; 3. store.
    """
    with transaction.atomic():
        transaction.on_commit(lambda: faults.point("text.flush.after"))
        entries = {
            session.id: Entry(session)
            for session in _locked(Session, ("id", "seq"), {hold.session_id for hold in batch})
        }
        runs = _locked(Run, ("id", "fence", "status"), {hold.run_id for hold in batch})
        held = {run.id: run.fence for run in runs if run.status in HELD}
        lost = [hold for hold in batch if held.get(hold.run_id) != hold.fence or hold.session_id not in entries]
        for hold, deltas in batch.items():
            if hold not in lost:
                add_deltas(entries[hold.session_id], hold.run_id, deltas)
        store(list(entries.values()))
        faults.point("text.flush.before")
    return lost


def _locked(model: type[_Row], only: tuple[str, ...], ids: set[UUID]) -> list[_Row]:
    found = (one_row(model, lock=True, only=only, id=id_) for id_ in sorted(ids))
    return [row for row in found if row is not None]
