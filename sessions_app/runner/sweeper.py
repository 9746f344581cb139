"""What nobody rings for: leases of the dead, deadlines, waits that are over, old deltas, lost hints."""

import logging
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from agentsite.core.clock import database_now
from agentsite.core.reading import in_database
from sessions_app import broker
from sessions_app.runner.processes import is_dead
from sessions_app.selectors import journal, work
from sessions_app.services.compaction import compact_journal
from sessions_app.services.holds import requeue_run
from sessions_app.services.interactions import expire_interaction

logger = logging.getLogger(__name__)


def orphans(owner: str, executing: Collection[UUID]) -> list[tuple[UUID, bool]]:
    """Held runs to take over, each with whether its holder is known to be dead.

    A live process of this host is not robbed.
    """
    now = database_now()
    found = []
    for run_id, holder, lease in work.held_runs():
        dead = run_id not in executing if holder == owner else is_dead(holder)
        if dead or (dead is None and lease is not None and lease < now):
            found.append((run_id, bool(dead)))
    return found


def sweep_deadlines() -> None:
    """Expire questions and queue runs whose wait is over."""
    now = database_now()
    for interaction_id in work.expired_interactions(now):
        expire_interaction(interaction_id=interaction_id, now=now)
    for run_id in work.runs_to_requeue(now):
        requeue_run(run_id=run_id)


def compact(now: datetime) -> int:
    """Delete the deltas of what ended a minute ago."""
    subjects = work.compactable_subjects(now)
    return compact_journal(subjects=subjects) if subjects else 0


class Poll:
    """Rings for sessions whose seq has moved since it last looked: heals whatever hint was lost."""

    def __init__(self) -> None:
        self._seen: dict[UUID, int] = {}

    async def look(self) -> None:
        """One query for all sessions that are read in this process."""
        watched = broker.watched_sessions()
        if not watched:
            self._seen.clear()
            return
        seqs = await in_database(journal.session_seqs, watched)
        for session_id, seq in seqs.items():
            if self._seen.get(session_id) != seq:
                broker.ring(broker.Hint(session_id, seq))
        self._seen = seqs
