"""Doorbells for whoever executes runs: the rows are the truth, so a lost ring only costs the poll's time."""

from uuid import UUID

from django.db import transaction

from sessions_app import broker

QUEUED = "runs:queued"
CANCEL = "runs:cancel"


def runs_are_queued() -> None:
    """After this transaction's commit, say that a run may be claimable."""
    transaction.on_commit(lambda: broker.post(QUEUED, None), robust=True)


def run_is_cancelled(run_id: UUID) -> None:
    """After this transaction's commit, say that a held run is to stop."""
    transaction.on_commit(lambda: broker.post(CANCEL, run_id), robust=True)
