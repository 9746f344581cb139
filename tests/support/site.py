"""A site that executes: a runtime in this process, a scripted model server behind its default engine."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from agents_app.models import Engine
from agentsite.access.models import User
from sessions_app.fold import apply_all, empty_state
from sessions_app.models import Event, Interaction, Run, Session, Step
from sessions_app.runner.runtime import Runtime
from sessions_app.selectors.journal import events_after, snapshot
from sessions_app.services.interactions import answer_interaction
from sessions_app.services.messages import send_message
from sessions_app.services.sessions import create_session
from tests.support.model_server import ModelServer

PATIENCE_SECONDS = 15.0


def wait_for(what: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
    """The first true value of `what`; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s")
        time.sleep(0.01)


class Site:
    """What a story does with the site."""

    def __init__(self, runtime: Runtime, model: ModelServer, owner: User) -> None:
        self.runtime = runtime
        self.model = model
        self.owner = owner

    def session(self, agent: Any = None) -> Session:
        """A new session of the owner."""
        return create_session(owner=self.owner, agent=agent)

    def send(self, session: Session, text: str, **kwargs: Any) -> Run:
        """The owner says something."""
        return send_message(session_id=session.id, user=self.owner, text=text, **kwargs)

    def until(self, run: Run, *statuses: str) -> Run:
        """The run once it is in one of `statuses`; by default once it has ended."""
        wanted = statuses or ("completed", "failed", "cancelled")

        def look() -> Run | None:
            row = Run.objects.get(id=run.id)
            return row if row.status in wanted else None

        row: Run = wait_for(look)
        return row

    def question(self, run: Run) -> Interaction:
        """The run's open question, once it has one."""
        row: Interaction = wait_for(lambda: Interaction.objects.filter(run=run, status="pending").first())
        return row

    def answer(self, question: Interaction, decision: str, **kwargs: Any) -> Interaction:
        """The owner answers."""
        return answer_interaction(interaction_id=question.id, user=self.owner, decision=decision, **kwargs)

    def steps(self, run: Run, kind: str = "tool") -> list[Step]:
        """The run's steps of a kind, in order."""
        return list(Step.objects.filter(run=run, kind=kind).order_by("position"))


def use_model(model: ModelServer) -> Engine:
    """Make the scripted server the default engine."""
    Engine.objects.all().delete()
    return Engine.objects.create(
        name="scripted",
        provider="openai",
        base_url=model.base_url,
        model="scripted",
        is_default=True,
        first_token_timeout_seconds=2,
        stall_timeout_seconds=1,
    )


def check_journal(session_id: UUID, *, compacted: bool = False) -> None:
    """I1 and I2: the events lead from nothing to now, and `seq` has no gap before compaction."""
    seqs = list(Event.objects.filter(session_id=session_id).order_by("seq").values_list("seq", flat=True))
    assert compacted or seqs == list(range(1, len(seqs) + 1))
    folded = apply_all(empty_state(), events_after(session_id, 0, 1_000_000))
    now = snapshot(session_id, messages=None)
    now.pop("before")
    assert folded == now
