"""Races of real threads on one database: exactly one of two wins, always."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connections
from django.utils import timezone

from agents_app.models import Agent
from agentsite.access.models import User
from sessions_app.models import Interaction, Run, Session
from sessions_app.services import interactions
from sessions_app.services.holds import Hold, LostHoldError, claim_run, finish_run
from sessions_app.services.interactions import AnsweredError, answer_interaction, expire_interaction
from sessions_app.services.messages import BusyError, send_message
from sessions_app.services.question_steps import ask_question
from sessions_app.services.recording import Asked
from sessions_app.services.runs import cancel_run
from sessions_app.services.sessions import create_session
from sessions_app.types import ENDED, InteractionKind, RunStatus
from tests.support.puppets import puppet

ROUNDS = 50
ASKED = Asked(InteractionKind.CONFIRMATION, "Shall I?", ("approve", "reject"), "d")
pytestmark = pytest.mark.django_db(transaction=True)


async def nothing(_ctx: object) -> str:
    """No run of these tests is executed."""
    return ""


@pytest.fixture
def agent(transactional_db: None) -> Agent:
    """An agent that can be claimed."""
    return puppet(nothing)


@pytest.fixture
def session(alice: User, agent: Agent) -> Session:
    """Alice's session."""
    return create_session(owner=alice, agent=agent)


@pytest.fixture
def race() -> Iterator[Callable[..., list[Any]]]:
    """Let two threads do something at the same moment; each result is what it returned, or the error it raised."""
    barrier = threading.Barrier(2)

    def run(action: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return action()
        except (AnsweredError, BusyError, LostHoldError) as error:
            return error

    with ThreadPoolExecutor(2) as threads:

        def both(*actions: Callable[[], Any]) -> list[Any]:
            return list(threads.map(run, actions))

        yield both
        both(connections.close_all, connections.close_all)


def _held(session: Session, alice: User) -> Hold:
    run = send_message(session_id=session.id, user=alice, text="hi")
    hold = claim_run(run_id=run.id, owner="host:a")
    assert hold is not None
    return hold


def _finish(hold: Hold) -> None:
    finish_run(hold=hold, pending=(), status=RunStatus.COMPLETED)


def test_two_answers_to_one_question_have_one_winner(session: Session, alice: User, race: Any) -> None:
    """I8: the loser is told the winning answer, and the row has it."""
    for number in range(ROUNDS):
        hold = _held(session, alice)
        step = ask_question(hold=hold, pending=(), key="0", digest_="d", asked=ASKED)
        question = Interaction.objects.get(step=step)

        answer = partial(answer_interaction, interaction_id=question.id, user=alice)
        results = race(partial(answer, decision="approve"), partial(answer, decision="reject"))
        [loser] = [result for result in results if isinstance(result, AnsweredError)]
        [winner] = [result for result in results if isinstance(result, Interaction)]
        question.refresh_from_db()
        assert question.decision == winner.decision == loser.details["interaction"]["decision"], number
        assert session.events.filter(subject=question.id, type="interaction.resolved").count() == 1
        _finish(hold)


def test_an_answer_at_the_deadline_wins_or_is_late(session: Session, alice: User, race: Any) -> None:
    """I8, I11: the sweeper's clock and the person's click close a question once."""
    for _ in range(ROUNDS):
        hold = _held(session, alice)
        step = ask_question(hold=hold, pending=(), key="0", digest_="d", asked=ASKED)
        question = Interaction.objects.get(step=step)
        later = timezone.now() + timedelta(days=2)
        answered, expired = race(
            partial(answer_interaction, interaction_id=question.id, user=alice, decision="approve"),
            partial(expire_interaction, interaction_id=question.id, now=later),
        )
        question.refresh_from_db()
        assert (question.status == "expired") == expired == isinstance(answered, AnsweredError)
        assert session.events.filter(subject=question.id, type="interaction.resolved").count() == 1
        _finish(hold)


def test_two_owners_claim_one_run_and_one_holds_it(session: Session, alice: User, race: Any) -> None:
    """I6: there is one hold, and the row carries its fence."""
    for _ in range(ROUNDS):
        run = send_message(session_id=session.id, user=alice, text="hi")
        results = race(*(partial(claim_run, run_id=run.id, owner=f"host:{name}") for name in "ab"))
        [hold] = [result for result in results if result is not None]
        run.refresh_from_db()
        assert (run.fence, run.lease_owner) == (hold.fence, hold.owner)
        _finish(hold)


def test_two_owners_take_over_one_run_and_one_holds_it(session: Session, alice: User, race: Any) -> None:
    """I6: the dead owner's run goes to one of them; the dead one, should it live, has lost it."""
    for _ in range(ROUNDS):
        old = _held(session, alice)
        results = race(*(partial(claim_run, run_id=old.run_id, owner=f"host:{name}", dead=True) for name in "bc"))
        holds = [result for result in results if result is not None]
        newest = max(holds, key=lambda hold: hold.fence)
        for hold in (old, *holds):
            if hold is not newest:
                with pytest.raises(LostHoldError):
                    _finish(hold)
        _finish(newest)


def test_two_sends_that_may_not_wait_make_one_run(alice: User, agent: Agent, race: Any) -> None:
    """Strategy reject: one is told that the session is busy."""
    for _ in range(ROUNDS):
        session = create_session(owner=alice, agent=agent)

        send = partial(send_message, session_id=session.id, user=alice, text="hi", strategy="reject")
        results = race(send, send)
        assert sorted(type(result).__name__ for result in results) == ["BusyError", "Run"]
        assert Run.objects.filter(session=session).count() == 1


def test_a_stop_and_an_end_leave_one_end(session: Session, alice: User, race: Any) -> None:
    """I9: whoever is first, the run ends once and says how."""
    for _ in range(ROUNDS):
        hold = _held(session, alice)
        race(partial(_finish, hold), partial(cancel_run, run_id=hold.run_id, user=alice))
        run = Run.objects.get(id=hold.run_id)
        assert run.status in ENDED
        assert session.events.filter(run_id=run.id, type__in=[f"run.{end}" for end in ENDED]).count() == 1


def test_an_answer_on_a_row_that_was_read_too_early_loses(session: Session, alice: User) -> None:
    """The update itself compares: it does not lean on the lock that the read before it took."""
    hold = _held(session, alice)
    step = ask_question(hold=hold, pending=(), key="0", digest_="d", asked=ASKED)
    stale = Interaction.objects.select_related("answered_by", "run", "run__session").get(step=step)
    answer_interaction(interaction_id=stale.id, user=alice, decision="reject")
    with patch.object(interactions, "_locked", lambda _: stale), pytest.raises(AnsweredError):
        answer_interaction(interaction_id=stale.id, user=alice, decision="approve")
    assert Interaction.objects.get(id=stale.id).decision == "reject"
