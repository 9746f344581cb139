"""Who holds a run: one at a time, the dead are found, the living are not robbed, and the stale write nothing."""

from datetime import timedelta

import pytest
from django.utils import timezone

from agentsite.access.models import User
from sessions_app.models import Run, Session
from sessions_app.runner.processes import ProcessLock, is_dead
from sessions_app.runner.sweeper import orphans
from sessions_app.selectors.work import claimable_runs
from sessions_app.services.holds import (
    MOST_ATTEMPTS,
    Hold,
    LostHoldError,
    StopAskedError,
    claim_run,
    finish_run,
    park_run,
    release_run,
    renew_holds,
)
from sessions_app.services.messages import send_message
from sessions_app.services.model_steps import start_model
from sessions_app.services.runs import cancel_run
from sessions_app.services.sessions import create_session
from sessions_app.types import RunStatus
from tests.runner.test_runs import answers
from tests.support.puppets import puppet
from tests.support.site import check_journal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session(alice: User) -> Session:
    """Alice's session."""
    return create_session(owner=alice, agent=puppet(answers))


def _send(session: Session, text: str = "hi") -> Run:
    return send_message(session_id=session.id, user=session.owner, text=text)


def _expire(run: Run) -> None:
    Run.objects.filter(id=run.id).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def _claim(run: Run, owner: str = "here:1", *, dead: bool = False) -> Hold:
    hold = claim_run(run_id=run.id, owner=owner, dead=dead)
    assert hold is not None
    return hold


def test_a_run_is_claimed_once(session: Session) -> None:
    """The second claim finds nothing to take."""
    run = _send(session)
    assert claim_run(run_id=run.id, owner="a:1") is not None
    assert claim_run(run_id=run.id, owner="b:1") is None


def test_one_run_at_a_time_in_a_session(session: Session) -> None:
    """The next one waits until the first has ended."""
    first, second = _send(session), _send(session, "more")
    hold = _claim(first)
    assert claim_run(run_id=second.id, owner="b:1") is None
    finish_run(hold=hold, pending=(), status=RunStatus.COMPLETED, text="done")
    assert claim_run(run_id=second.id, owner="b:1") is not None


def test_an_expired_lease_is_taken_and_the_old_holder_writes_nothing(session: Session) -> None:
    """The fence has moved on; the superseded message stays readable."""
    run = _send(session)
    old = _claim(run)
    start_model(hold=old, pending=(), key="0", author="x")
    assert claim_run(run_id=run.id, owner="b:1") is None
    _expire(run)
    new = _claim(run, "b:1")
    assert new.fence == old.fence + 1
    for write in (park_run, release_run):
        with pytest.raises(LostHoldError):
            write(hold=old, pending=())
    with pytest.raises(LostHoldError):
        finish_run(hold=old, pending=(), status=RunStatus.COMPLETED)
    assert session.messages.filter(status="superseded").count() == 1
    check_journal(session.id)


def test_a_run_that_kills_its_worker_again_and_again_is_ended(session: Session) -> None:
    """After five stolen claims without a step it fails as crash_loop."""
    run = _send(session)
    _claim(run)
    for _ in range(MOST_ATTEMPTS):
        _claim(run, dead=True)
    assert claim_run(run_id=run.id, owner="here:1", dead=True) is None
    run.refresh_from_db()
    assert (run.status, run.code) == ("failed", "crash_loop")


def test_a_stop_that_its_holder_never_heard_is_settled_by_the_next(session: Session) -> None:
    """Nothing new begins after the stop, and a dead holder does not keep the run."""
    run = _send(session)
    hold = _claim(run)
    assert cancel_run(run_id=run.id, user=session.owner) == "cancelling"
    with pytest.raises(StopAskedError):
        start_model(hold=hold, pending=(), key="0", author="x")
    assert claim_run(run_id=run.id, owner="b:1", dead=True) is None
    run.refresh_from_db()
    assert run.status == "cancelled"


def test_a_stop_works_with_no_worker_alive(session: Session) -> None:
    """A run whose lease has expired ends inside the request."""
    run = _send(session)
    _claim(run)
    _expire(run)
    assert cancel_run(run_id=run.id, user=session.owner) == "cancelled"


def test_a_lease_is_renewed_by_its_owner_only(session: Session) -> None:
    """The heartbeat names its own runs."""
    run = _send(session)
    _claim(run, "here:1")
    _expire(run)
    assert renew_holds(owner="other:1") == 0
    assert renew_holds(owner="here:1") == 1
    assert claim_run(run_id=run.id, owner="b:1") is None


def test_a_dead_process_is_known_at_once_and_a_live_one_is_not_robbed(session: Session) -> None:
    """The lock on the file says it, whatever the lease says; of another host nothing is known."""
    alive = ProcessLock()
    run = _send(session)
    _claim(run, alive.name)
    _expire(run)
    assert is_dead(alive.name) is False
    assert orphans("me:1", ()) == []
    alive.release()
    assert is_dead(alive.name) is True
    assert orphans("me:1", ()) == [(run.id, True)]
    assert is_dead("elsewhere:1") is None


def test_a_run_that_broke_in_this_process_is_taken_up_again(session: Session) -> None:
    """It is held in this process's name, but nothing executes it."""
    run = _send(session)
    _claim(run, "me:1")
    assert orphans("me:1", {run.id}) == []
    assert orphans("me:1", ()) == [(run.id, True)]


def test_the_user_with_the_fewest_running_goes_first(alice: User, bob: User) -> None:
    """And one session gives one run at a time."""
    agent = puppet(answers)
    theirs = [create_session(owner=owner, agent=agent) for owner in (alice, alice, alice, bob)]
    runs = [_send(session) for session in theirs]
    _send(theirs[1], "second")
    _claim(runs[0])
    assert claimable_runs(timezone.now(), 10) == [runs[3].id, runs[1].id, runs[2].id]
    assert claimable_runs(timezone.now(), 1) == [runs[3].id]


def test_a_switched_off_agent_fails_its_run_with_a_way_on(session: Session) -> None:
    """The sentence says what to do."""
    run = _send(session)
    assert session.agent is not None
    session.agent.enabled = False
    session.agent.save()
    assert claim_run(run_id=run.id, owner="a:1") is None
    run.refresh_from_db()
    assert (run.status, run.code) == ("failed", "agent_missing")
    assert "Choose another" in run.sentence
