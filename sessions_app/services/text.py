"""Streamed text of all runs of a process goes into the journal in one transaction."""

from collections.abc import Mapping, Sequence

from django.db import transaction

from sessions_app import faults
from sessions_app.models import Run, Session
from sessions_app.services.holds import Delta, Hold, add_deltas
from sessions_app.services.journal import Entry, store
from sessions_app.types import HELD


def flush_text(*, batch: Mapping[Hold, Sequence[Delta]]) -> list[Hold]:
    """Store each run's text if its hold is still valid; returns the holds that are not, whose text is left out.

    1. lock the sessions, sorted; 2. lock the runs, sorted, and compare fences; 3. store.
    """
    with transaction.atomic():
        transaction.on_commit(lambda: faults.point("text.flush.after"))
        sessions = Session.objects.select_for_update().filter(id__in={hold.session_id for hold in batch}).order_by("id")
        entries = {session.id: Entry(session) for session in sessions}
        runs = Run.objects.select_for_update().filter(id__in=[hold.run_id for hold in batch], status__in=HELD)
        fences = dict(runs.order_by("id").values_list("id", "fence"))
        lost = [hold for hold in batch if fences.get(hold.run_id) != hold.fence or hold.session_id not in entries]
        for hold, deltas in batch.items():
            if hold not in lost:
                add_deltas(entries[hold.session_id], hold.run_id, deltas)
        for entry in entries.values():
            store(entry)
        faults.point("text.flush.before")
    return lost
