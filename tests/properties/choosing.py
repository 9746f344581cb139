"""How a rule chooses: an index into whatever there is."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition

from sessions_app.models import Message
from sessions_app.selectors.work import claimable_runs
from sessions_app.services import holds
from tests.properties.speech import Speech
from tests.properties.world import Worker, World

_T = TypeVar("_T")
_Rule = TypeVar("_Rule", bound=Callable[..., Any])
INDEX = st.integers(0, 5)
WHO = st.integers(0, 1)
PIECES = st.text("ab 😀é\ud83d\ude00\ud800\x00", min_size=1, max_size=5)


class Machine(RuleBasedStateMachine):
    """What every set of rules shares."""

    world: World


def pick(items: Sequence[_T], index: int) -> _T:
    """One of `items`."""
    return items[index % len(items)]


def where(condition: Callable[[World], Any]) -> Callable[[_Rule], _Rule]:
    """A rule that needs something."""
    needed: Callable[[_Rule], _Rule] = precondition(lambda machine: bool(condition(machine.world)))
    return needed


def take_over(world: World, worker: Worker, run_id: UUID, *, dead: bool) -> bool:
    """Claim a run that may be another's; where that ends it, what was being said is kept."""
    said = [row["id"] for row in world.rows.messages if (row["run_id"], row["status"]) == (run_id, "streaming")]
    hold = holds.claim_run(run_id=run_id, owner=worker.owner, dead=dead)
    if hold is None:
        assert not Message.objects.filter(id__in=said, status="superseded").exists()
        return False
    worker.holds[hold] = Speech(hold)
    return True


def claim(world: World, who: int | None) -> None:
    """A worker takes what there is to take."""
    if who is None:
        return
    for run_id in claimable_runs(world.clock.now(), 3):
        hold = holds.claim_run(run_id=run_id, owner=world.workers[who].owner)
        if hold is not None:
            world.workers[who].holds[hold] = Speech(hold)
