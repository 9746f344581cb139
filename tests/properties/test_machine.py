"""Runs and journals under everything that can happen to them, with the invariants checked after every rule."""

import sys
from collections.abc import Iterator

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test

from sessions_app.runner import sweeper
from tests.properties.choosing import claim, take_over
from tests.properties.failing import FailureRules
from tests.properties.people import PeopleRules, answer
from tests.properties.scenes import SCENES, Scene
from tests.properties.working import Work, WorkerRules, finish
from tests.properties.world import World

ROUNDS = 60


class RunsAndJournal(PeopleRules, WorkerRules, FailureRules):
    """All rules together."""

    @initialize(scene=st.sampled_from(SCENES))
    def begins(self, scene: Scene) -> None:
        """A new session, at some point of a story."""
        self.world = World()
        scene(self.world)

    @invariant()
    def holds_true(self) -> None:
        """I1–I13, from the rows and from what the tabs show."""
        self.world.ledger.look()
        for tab in self.world.tabs:
            for subject, kind, text in tab.texts():
                said = self.world.said[subject, kind]
                assert any(attempt.startswith(text) for attempt in said), "I13"

    def teardown(self) -> None:
        """I9: once faults stop, everything comes to its end, and every tab shows what a fresh page shows."""
        world = getattr(self, "world", None)
        if world is None:
            return
        try:
            if sys.exc_info()[0] is None:
                _drive_to_the_end(world)
                _compare(world)
        finally:
            world.close()


def _drive_to_the_end(world: World) -> None:
    type(world.agent).objects.filter(id=world.agent.id).update(enabled=True)
    for _ in range(ROUNDS):
        world.ledger.look()
        if len(world.rows.ended()) == len(world.rows.runs):
            return
        _settle(world)
    raise AssertionError(f"I9: still on after {ROUNDS} rounds: {[run['status'] for run in world.rows.runs]}")


def _compare(world: World) -> None:
    world.ledger.check_every_moment()
    for tab in world.tabs:
        tab.poll(world.rows.session["seq"])
        world.ledger.check_tab(tab)


def _settle(world: World) -> None:
    """An honest person answers, honest workers finish."""
    for question in world.rows.pending():
        answer(world, question, question["allowed_decisions"][0], "once")
    world.clock.move(31)
    sweeper.sweep_deadlines()
    world.ledger.look()
    worker = world.workers[0]
    for run in world.rows.held():
        take_over(world, worker, run["id"], dead=True)
    claim(world, 0)
    world.ledger.look()
    for holder, hold in world.holds():
        world.ledger.look()
        finish(Work(world, holder, hold, [0, 0], [], [], good=True))


@pytest.fixture
def quick_commits(transactional_db: None) -> Iterator[None]:
    """These tests kill no machine: a commit need not reach the disk."""
    _say_on_sqlite("PRAGMA synchronous=OFF")
    yield
    _say_on_sqlite("PRAGMA synchronous=FULL")


def _say_on_sqlite(pragma: str) -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute(pragma)


def test_whatever_happens_the_invariants_hold(quick_commits: None) -> None:
    """Two workers, two tabs, and everything that can go wrong between them."""
    run_state_machine_as_test(
        RunsAndJournal,
        settings=settings(
            max_examples=60,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
