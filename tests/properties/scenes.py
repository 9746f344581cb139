"""Where an example begins: some beginnings are far from the empty page, and a story seldom gets there by chance."""

from collections.abc import Callable

from sessions_app.services import holds, model_steps
from sessions_app.services.messages import send_message
from sessions_app.services.runs import cancel_session
from sessions_app.services.text import flush_text
from tests.properties.choosing import claim
from tests.properties.failing import die
from tests.properties.people import answer
from tests.properties.working import Work, act_on, delegate, finish, turn
from tests.properties.world import World

Scene = Callable[[World], None]


def _work(world: World, order: list[int]) -> Work:
    worker, hold = world.holds()[0]
    return Work(world, worker, hold, order, ["hello ", "there😀"], ["act", "put", "dare"], good=True)


def a_run_begins(world: World) -> None:
    """Alice says something, and a worker takes it."""
    send_message(session_id=world.session.id, user=world.owner, text="hi")
    claim(world, 0)
    world.ledger.look()


def a_model_speaks(world: World) -> None:
    """Half an answer is there, a part of it stored."""
    a_run_begins(world)
    work = _work(world, [0])
    step = work.write(model_steps.start_model, key="0", author="Machine")
    world.say(world.workers[0].holds[work.hold], (step.message_id, "text"), "half an answer", live=True)
    world.ledger.look()


def a_stop_is_asked(world: World) -> None:
    """In the middle of the answer; its worker does not know yet."""
    a_model_speaks(world)
    assert cancel_session(session_id=world.session.id, user=world.owner) == "cancelling"
    world.ledger.look()


def its_listener_died(world: World) -> None:
    """The worker that took in the answer is gone, and the other worker has the run."""
    a_model_speaks(world)
    die(world, world.workers[0], noticed=True)
    world.ledger.look()


def calls_are_planned(world: World) -> None:
    """Two calls are allowed, one asks."""
    a_run_begins(world)
    turn(_work(world, [0, 0]))
    world.ledger.look()


def a_tool_runs(world: World) -> None:
    """The allowed ones have begun, and what they put out is stored."""
    calls_are_planned(world)
    for number in (0, 1):
        act_on(_work(world, [number]))
    work = _work(world, [0])
    speech = work.worker.holds[work.hold]
    for row in work.own("tool"):
        world.say(speech, (row["id"], "output"), "noting\n", live=True)
    flush_text(batch={work.hold: speech.take()})
    world.ledger.look()


def its_worker_died(world: World) -> None:
    """In the middle of it, and the other worker has taken the run."""
    a_tool_runs(world)
    die(world, world.workers[0], noticed=True)
    world.ledger.look()


def _tools_have_run(world: World) -> None:
    a_tool_runs(world)
    for _ in range(2):
        act_on(_work(world, [0]))
        world.ledger.look()


def its_run_parked(world: World) -> None:
    """They have ended, and the run waits for an answer."""
    _tools_have_run(world)
    work = _work(world, [0])
    work.write(holds.park_run, until=None)
    world.forget(work.worker, work.hold)
    world.ledger.look()


def a_tool_is_granted(world: World) -> None:
    """Alice has allowed the tool that asks for the rest of the session."""
    its_run_parked(world)
    [question] = world.rows.pending()
    answer(world, question, "approve", "session")
    claim(world, 0)
    world.ledger.look()


def a_child_works(world: World) -> None:
    """The run waits for another agent's, which the other worker has."""
    a_run_begins(world)
    work = _work(world, [0, 0])
    delegate(work)
    world.ledger.look()
    work.write(holds.park_run, until=None)
    world.forget(work.worker, work.hold)
    claim(world, 1)
    world.ledger.look()


def a_run_failed(world: World) -> None:
    """After its tools had run: Retry is offered."""
    _tools_have_run(world)
    finish(_work(world, [0, 1]))
    world.ledger.look()


SCENES: tuple[Scene, ...] = (
    a_run_begins,
    a_model_speaks,
    a_stop_is_asked,
    its_listener_died,
    calls_are_planned,
    a_tool_runs,
    its_worker_died,
    its_run_parked,
    a_tool_is_granted,
    a_child_works,
    a_run_failed,
)
