"""One step further, decided as the runner decides: what a closed question says is done, what is in doubt is asked."""

from sessions_app.models import Run, Step
from sessions_app.services import tool_steps
from sessions_app.services.holds import Hold
from sessions_app.services.recording import Ending
from sessions_app.types import ENDED, StepStatus
from tests.properties.rows import Row
from tests.properties.world import Worker, World
from tools_app import registry
from tools_app import services as tools
from tools_app.types import Decision, Subject

SAYS_NO = ("reject", "decline", "skip")


def act(world: World, worker: Worker, hold: Hold, row: Row, *, good: bool) -> None:
    """The next transition of one open step; nothing where a person or a child is waited for."""
    step = Step.objects.get(id=row["id"])
    if row["status"] == StepStatus.STARTED:
        _go_on(world, worker, hold, step, good=good)
    elif row["status"] == StepStatus.PLANNED:
        _begin(world, worker, hold, step, step.arguments, good=good)
    elif row["kind"] == "delegate":
        assert step.child_id is not None
        child = Run.objects.get(id=step.child_id)
        if child.status in ENDED:
            _end(world, worker, hold, step, Ending(StepStatus.SUCCEEDED, child.text or child.sentence))
    else:
        _obey(world, worker, hold, step, world.rows.question(row["id"]), good=good)


def _go_on(world: World, worker: Worker, hold: Hold, step: Step, *, good: bool) -> None:
    """Our own effect ends, or goes on if it had not begun; one of a lost worker is in doubt."""
    if step.started_fence == hold.fence:
        if (step.id, hold.fence) not in worker.begun:
            world.begins(worker, hold, step)
            return
        status = StepStatus.SUCCEEDED if good else StepStatus.FAILED
        _end(world, worker, hold, step, Ending(status, f"noted {step.arguments['text']}"))
        if hold in worker.holds:
            worker.holds[hold].forget(step.id)
    elif step.effect == "unsafe":
        world.write(worker, hold, tool_steps.doubt_step, step=step, message="It may have taken effect.")
    else:
        _begin(world, worker, hold, step, step.effective_arguments or {}, good=good)


def _obey(world: World, worker: Worker, hold: Hold, step: Step, question: Row | None, *, good: bool) -> None:
    """Do what a closed question says."""
    if question is None:
        world.write(worker, hold, tool_steps.doubt_step, step=step, message="It may have taken effect.")
        return
    decision, answer = question["decision"], question["answer"] or {}
    if question["status"] == "pending":
        return
    if question["status"] == "expired" or decision in SAYS_NO:
        _end(world, worker, hold, step, Ending(StepStatus.DENIED, "Not done.", "declined"))
    elif step.kind == "tool" and decision in ("approve", "edit", "run_again"):
        again = (step.effective_arguments or {}) if decision == "run_again" else step.arguments
        _begin(world, worker, hold, step, answer.get("arguments", again), good=good)
    else:
        _end(world, worker, hold, step, Ending(StepStatus.SUCCEEDED, "Answered.", data=answer))


def _begin(world: World, worker: Worker, hold: Hold, step: Step, arguments: Row, *, good: bool) -> None:
    """Written ahead; the effect itself begins now or, in a race with a stop, a moment later or never."""
    tool = registry.get_tool(step.tool)
    assert tool is not None
    subject = Subject(world.owner.pk, world.session.id)
    if tools.evaluate(tool=tool, arguments=arguments, subject=subject).decision is Decision.DENY:
        _end(world, worker, hold, step, Ending(StepStatus.DENIED, "Not allowed.", "denied"))
        return
    started = world.write(worker, hold, tool_steps.start_step, step=step, arguments=arguments)
    if started is None:
        return
    worker.holds[hold].forget(step.id)
    for tab in world.tabs:
        tab.forget_output(step.id)
    world.said[step.id, "output"].append("")
    if good:
        world.begins(worker, hold, started)


def _end(world: World, worker: Worker, hold: Hold, step: Step, ending: Ending) -> None:
    world.write(worker, hold, tool_steps.end_step, step=step, ending=ending)
