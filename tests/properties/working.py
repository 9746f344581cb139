"""What workers do with the runs they hold: models speak, tools are called, people are asked, runs end."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from agents_app.types import Reply, ToolRequest, Usage
from sessions_app.models import Run, Step
from sessions_app.runner.plans import plan_call
from sessions_app.services import holds, model_steps, question_steps, tool_steps
from sessions_app.services.holds import Hold
from sessions_app.services.recording import Asked
from sessions_app.services.text import flush_text
from sessions_app.types import InteractionKind, RunStatus
from tests.properties.choosing import INDEX, PIECES, WHO, Machine, claim, pick, where
from tests.properties.effects import act
from tests.properties.rows import Row
from tests.properties.world import SCOPES, TOOLS, Worker, World
from tools_app.types import Subject

FORM = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "key": {"type": "string", "format": "password"}},
    "required": ["city"],
}
ASKED = (
    Asked(InteractionKind.INPUT, "Where?", ("submit", "decline"), "d", schema=FORM),
    Asked(InteractionKind.CONFIRMATION, "Shall I?", ("approve", "reject"), "d"),
)
CALLS = st.lists(
    st.sampled_from([*TOOLS, "act", "dare", "dare", "nothing", "broken", "misfit"]), min_size=1, max_size=3
)
ENDINGS: tuple[dict[str, Any], ...] = (
    {"status": RunStatus.COMPLETED, "text": "done"},
    {"status": RunStatus.FAILED, "code": "engine_error", "sentence": "It failed.", "actions": ("retry",)},
    {"status": RunStatus.FAILED, "code": "limit_steps", "sentence": "A limit.", "actions": ("continue",)},
    {"status": RunStatus.FAILED, "code": "replay_mismatch", "sentence": "Changed.", "actions": ("continue",)},
)


@dataclass(frozen=True, slots=True)
class Work:
    """What a holder may do next, and the choices made for it."""

    world: World
    worker: Worker
    hold: Hold
    order: list[int]
    pieces: list[str]
    calls: list[str]
    good: bool

    def write(self, function: Callable[..., Any], **kwargs: Any) -> Any:
        """One write of this holder."""
        return self.world.write(self.worker, self.hold, function, **kwargs)

    def own(self, kind: str = "") -> list[Row]:
        """The effects that this hold has in flight."""
        steps = self.world.started(self.hold, kind)
        return [row for row in steps if row["started_fence"] == self.hold.fence]


def _rule_of_work(name: str) -> Any:
    """A rule; of several names, since a run of the machine leaves out some rules by their names."""

    def work(self: Machine, moves: list[int], order: list[int], pieces: list[str], calls: list[str]) -> None:
        """A holder does some of the things that come next."""
        world = self.world
        worker, hold = pick(world.holds(), order[0])
        for number, which in enumerate(moves):
            if hold in worker.holds:
                turned = order[number:] + order[:number]
                chosen = Work(world, worker, hold, turned, pieces, calls, good=which % 3 > 0)
                pick(_moves(chosen), which // 3)(chosen)
                world.ledger.look()

    work.__name__ = name
    moves = st.lists(st.integers(0, 99), min_size=1, max_size=4)
    order = st.lists(INDEX, min_size=4, max_size=4)
    pieces = st.lists(PIECES, min_size=1, max_size=3)
    return where(lambda world: world.holds())(rule(moves=moves, order=order, pieces=pieces, calls=CALLS)(work))


class WorkerRules(Machine):
    """Rules of those who execute."""

    @where(lambda world: world.rows.queued())
    @rule(who=WHO)
    def claims(self, who: int) -> None:
        """A worker takes what there is to take."""
        claim(self.world, who)

    works = _rule_of_work("works")
    works_on = _rule_of_work("works_on")
    goes_on = _rule_of_work("goes_on")

    @where(lambda world: world.holds())
    @rule(with_ghosts=st.booleans())
    def stores_text(self, with_ghosts: bool) -> None:
        """One transaction for the text of all runs; what a lost worker brings is left out."""
        world = self.world
        speeches = {hold: worker.holds[hold] for worker, hold in world.holds()} | (world.ghosts if with_ghosts else {})
        batch = {hold: deltas for hold, speech in speeches.items() if (deltas := speech.take())}
        lost = flush_text(batch=batch)
        assert set(lost) == {hold for hold in batch if world.is_lost(hold)}, "I6"


def finish(work: Work) -> None:
    """End a held run; steps that were written ahead and did not begin are in no doubt."""
    begun = work.worker.begun
    never = frozenset(row["id"] for row in work.own() if (row["id"], work.hold.fence) not in begun)
    work.write(holds.finish_run, never_began=never, **pick(ENDINGS, work.order[1]))
    work.world.forget(work.worker, work.hold)


def _moves(work: Work) -> list[Callable[[Work], None]]:
    """What comes next for this run, the likelier the oftener."""
    world, hold = work.world, work.hold
    if world.rows.run(hold.run_id)["status"] == RunStatus.CANCELLING:
        unaware = [_ask, delegate, _ask_model] if world.scopes(hold) else []
        return [finish, act_on, _let_go, *unaware, *([_stream] if _streams(work) else [])]
    moves: list[Callable[[Work], None]] = [_let_go, finish]
    if _streams(work):
        moves += [_stream] * 5
    if work.own("model"):
        moves += [_end_model] * 5
    if world.scopes(hold):
        moves += [turn] * 10 + [_ask] * 3 + [delegate, _ask_model]
    if world.unplanned(hold):
        moves += [_plan] * 8
    if world.acts(hold):
        moves += [act_on] * 20
    if any(row["started_fence"] < hold.fence for row in world.started(hold, "model")):
        moves += [_ask_model] * 10
    return moves


def turn(work: Work) -> None:
    """A whole turn in one go: the model is asked, it speaks and calls, and its calls are planned."""
    scope, ordinal = pick(work.world.scopes(work.hold), work.order[1])
    step = work.write(model_steps.start_model, key=f"{scope}{ordinal}", author="Machine")
    if step is None:
        return
    for piece in work.pieces:
        work.world.say(work.worker.holds[work.hold], (step.message_id, "text"), piece, live=work.good)
    work.world.ledger.look()
    _finish_model(work, step)
    work.world.ledger.look()
    _plan(work)


def _ask_model(work: Work) -> None:
    """A request goes out; one that a lost worker had sent is sent again."""
    started = work.world.started(work.hold, "model")
    again = [row["key"] for row in started if row["started_fence"] < work.hold.fence]
    free = [f"{scope}{ordinal}" for scope, ordinal in work.world.scopes(work.hold)]
    work.write(model_steps.start_model, key=pick(again or free, work.order[1]), author="Machine")


def _streams(work: Work) -> list[tuple[Any, str]]:
    said = [(row["message_id"], kind) for row in work.own("model") for kind in ("text", "reasoning")]
    return said + [(row["id"], "output") for row in work.own("tool")]


def _stream(work: Work) -> None:
    """Text comes."""
    key = pick(_streams(work), work.order[1])
    for piece in work.pieces:
        work.world.say(work.worker.holds[work.hold], key, piece, live=work.good)


def _end_model(work: Work) -> None:
    """The answer is whole, perhaps with calls, or the request failed."""
    step = Step.objects.get(id=pick(work.own("model"), work.order[1])["id"])
    if work.good:
        _finish_model(work, step)
    else:
        failure = {"code": "engine_error", "sentence": "The engine broke.", "retryable": True}
        work.write(model_steps.fail_model, step=step, **failure)


def _finish_model(work: Work, step: Step) -> None:
    speech = work.worker.holds[work.hold]
    assert step.message_id is not None
    text, reasoning = (speech.said((step.message_id, kind)) for kind in ("text", "reasoning"))
    requests = tuple(_request(work, name, number) for number, name in enumerate(work.calls))
    work.write(model_steps.end_model, step=step, reply=Reply(text, reasoning, requests, usage=Usage(3, 2)))


def _request(work: Work, name: str, number: int) -> ToolRequest:
    """A call with a number of its own in its arguments; its id is one that some servers use in every reply."""
    work.world.calls += 1
    marker = f"#{work.world.calls}#"
    arguments: dict[str, Any] = {"text": marker}
    if name == "ask_user":
        arguments = {"message": marker, "fields": [{"name": "city"}]}
    if name == "misfit":
        arguments["more"] = 1
    raw = json.dumps(arguments)
    tool = {"broken": "act", "misfit": "act"}.get(name, name)
    return ToolRequest(f"call_{number}", tool, raw[:-1] if name == "broken" else raw)


def _plan(work: Work) -> None:
    """The calls of a reply go through the gate and on record, together."""
    world, hold = work.world, work.hold
    for scope in SCOPES:
        calls = world.unplanned(hold, scope)
        if calls:
            subject = Subject(world.owner.pk, world.session.id, world.rows.run(hold.run_id)["agent_id"])
            plans = [plan_call(key, ToolRequest(**call), frozenset(TOOLS), subject) for key, call in calls.items()]
            work.write(tool_steps.plan_tools, plans=plans)
            return


def act_on(work: Work) -> None:
    """Bring steps further, each as the runner does."""
    for choice in work.order[: 1 + work.order[0] % 4]:
        open_ = work.world.acts(work.hold)
        if work.hold in work.worker.holds and open_:
            act(work.world, work.worker, work.hold, pick(open_, choice), good=work.good)
            work.world.ledger.look()


def _ask(work: Work) -> None:
    """The agent's own question."""
    scope, ordinal = pick(work.world.scopes(work.hold), work.order[1])
    asked = pick(ASKED, work.order[2])
    work.write(question_steps.ask_question, key=f"{scope}{ordinal}", digest_="d", asked=asked)


def delegate(work: Work) -> None:
    """A run of another agent."""
    scope, ordinal = pick(work.world.scopes(work.hold), work.order[1])
    if work.world.rows.run(work.hold.run_id)["depth"] < 2:
        child = {"agent_id": work.world.agent.id, "agent_name": "Machine", "prompt": "help"}
        work.write(question_steps.delegate_step, key=f"{scope}{ordinal}", digest_="d", **child)


def _let_go(work: Work) -> None:
    """Nothing is in flight and the run parks; or the process is asked to go and gives its run back."""
    if work.own():
        work.write(holds.release_run)
    else:
        moment = work.world.clock.now() + timedelta(seconds=25)
        work.write(holds.park_run, until=None if work.good else moment)
    if Run.objects.get(id=work.hold.run_id).status != RunStatus.CANCELLING:
        work.world.forget(work.worker, work.hold)
