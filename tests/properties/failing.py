"""What goes wrong: processes die or sleep, old ones wake, frames are lost, doubled and reordered, journals shrink."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from agents_app.types import Reply
from sessions_app.models import Step
from sessions_app.runner import sweeper
from sessions_app.services import holds, model_steps, question_steps, tool_steps
from sessions_app.services.consent import NotAllowedError
from sessions_app.services.endings import open_wait
from sessions_app.services.holds import Hold, LostHoldError, StopAskedError
from sessions_app.services.recording import Asked, Ending
from sessions_app.services.text import flush_text
from sessions_app.types import HELD, InteractionKind, RunStatus, StepKind, StepStatus
from tests.properties.choosing import INDEX, PIECES, WHO, Machine, pick, take_over, where
from tests.properties.rows import Row
from tests.properties.speech import Speech
from tests.properties.world import Worker, World

ASKED = Asked(InteractionKind.CONFIRMATION, "Shall I?", ("approve", "reject"), "d")


class FailureRules(Machine):
    """Rules of misfortune."""

    @where(lambda world: world.holds())
    @rule(who=WHO, noticed=st.booleans())
    def dies(self, who: int, noticed: bool) -> None:
        """A process is gone, or only sleeps: its holds live on as ghosts; the other one may notice at once."""
        die(self.world, self.world.workers[who], noticed=noticed)

    @where(lambda world: any(world.started(hold, "tool") for _, hold in world.holds()))
    @rule()
    def dies_at_work(self) -> None:
        """It dies in the middle of a tool, and the other one notices."""
        world = self.world
        die(world, next(worker for worker, hold in world.holds() if world.started(hold, "tool")), noticed=True)

    @where(lambda world: world.rows.held())
    @rule(who=WHO, index=INDEX, dead=st.booleans())
    def takes_over(self, who: int, index: int, dead: bool) -> None:
        """The sweeper takes the runs of the dead at once, and any run whose lease is over."""
        world, worker = self.world, self.world.workers[who]
        run = pick(world.rows.held(), index)
        dead = dead and run["lease_owner"] not in [other.owner for other in world.workers]
        over = run["lease_expires_at"] < world.clock.now()
        assert not take_over(world, worker, run["id"], dead=dead) or dead or over, "the living are not robbed"

    @where(lambda world: world.rows.runs)
    @rule(who=WHO, index=INDEX)
    def grabs(self, who: int, index: int) -> None:
        """A claim of any run whatever its state takes nothing that is not there to be taken, nor does a wake-up."""
        world = self.world
        run = pick(world.rows.runs, index)
        holds.requeue_run(run_id=run["id"])
        assert open_wait(run["id"]) is None or not world.ledger.changed(world.rows)
        free = run["status"] == "queued" or (run["status"] in HELD and run["lease_expires_at"] < world.clock.now())
        assert not take_over(world, world.workers[who], run["id"], dead=False) or free

    @where(lambda world: any(world.is_lost(hold) for hold in world.ghosts))
    @rule(index=INDEX, what=st.integers(0, 11))
    def a_ghost_writes(self, index: int, what: int) -> None:
        """I6: whatever a process whose fence is stale writes, nothing changes."""
        world = self.world
        hold = pick([hold for hold in world.ghosts if world.is_lost(hold)], index)
        steps = world.rows.steps_of(hold.run_id)
        writes = _writes(hold, world.ghosts[hold], pick(steps, index) if steps else None)
        function, kwargs = pick(writes, what)
        pending = world.ghosts[hold].take()
        if function is flush_text:
            assert flush_text(batch={hold: pending}) == [hold], "I6"
        else:
            with pytest.raises(LostHoldError):
                function(hold=hold, pending=pending, **kwargs)
        assert not world.ledger.changed(world.rows), "I6"

    @where(lambda world: any(world.is_lost(hold) for hold in world.ghosts))
    @rule(index=INDEX, piece=PIECES)
    def a_ghost_speaks(self, index: int, piece: str) -> None:
        """Its model streams on; live frames know no fence."""
        speech = pick([speech for hold, speech in self.world.ghosts.items() if self.world.is_lost(hold)], index)
        for key in [key for key in speech.streams if key[1] != "output"]:
            self.world.say(speech, key, piece, live=True)

    @where(lambda world: any(not world.is_lost(hold) for hold in world.ghosts))
    @rule(index=INDEX, who=WHO)
    def wakes(self, index: int, who: int) -> None:
        """It only slept, and nobody has taken its run: it goes on."""
        world = self.world
        hold = pick([hold for hold in world.ghosts if not world.is_lost(hold)], index)
        world.workers[who].holds[hold] = world.ghosts.pop(hold)
        world.workers[who].begun |= {(step["id"], hold.fence) for step in world.rows.steps_of(hold.run_id)}

    @where(lambda world: any(_forbidden(world, hold) for _, hold in world.holds()))
    @rule(index=INDEX, choice=INDEX)
    def starts_unlawfully(self, index: int, choice: int) -> None:
        """I5, I11: no record, no beginning: a mistaken runner is stopped at the last commit before the effect."""
        world = self.world
        _, hold = pick([pair for pair in world.holds() if _forbidden(world, pair[1])], index)
        step, arguments = pick(_forbidden(world, hold), choice)
        with pytest.raises((NotAllowedError, LostHoldError, StopAskedError)):
            tool_steps.start_step(hold=hold, pending=[], step=Step.objects.get(id=step["id"]), arguments=arguments)
        assert not world.ledger.changed(world.rows), "I5"

    @rule(wait=st.booleans())
    def compacts(self, wait: bool) -> None:
        """Old deltas go, where they are old; every fold goes on from here too."""
        world = self.world
        world.ledger.remember_this_moment()
        if sweeper.compact(world.clock.now() + timedelta(seconds=61 if wait else 0)):
            world.ledger.compact()

    @where(lambda world: any(tab.inbox for tab in world.tabs))
    @rule(who=WHO, order=st.lists(INDEX, min_size=1, max_size=12), again=st.booleans())
    def delivers(self, who: int, order: list[int], again: bool) -> None:
        """Some of what is on its way arrives, in any order, perhaps to come once more."""
        tab = self.world.tabs[who]
        items = [pick(tab.inbox, index) for index in order] if tab.inbox else []
        if not again:
            tab.inbox = [item for item in tab.inbox if item not in items]
        tab.deliver(items)

    @rule(who=WHO, lost=INDEX)
    def polls(self, who: int, lost: int) -> None:
        """The oldest frames never arrive; the poll rings, and the tab shows what a fresh page shows."""
        tab = self.world.tabs[who]
        del tab.inbox[:lost]
        tab.poll(self.world.rows.session["seq"])
        self.world.ledger.check_tab(tab)

    @rule(who=WHO, how=st.sampled_from(["cursor", "page", "nothing", "future"]))
    def reconnects(self, who: int, how: str) -> None:
        """With its cursor, as a new page, from the first event, or with a cursor of a restored backup."""
        tab = self.world.tabs[who]
        if how == "page":
            tab.load()
        elif how == "nothing":
            tab.load_from_nothing()
        else:
            tab.reconnect(None if how == "cursor" else self.world.rows.session["seq"] + 5)


def die(world: World, worker: Worker, *, noticed: bool) -> None:
    """The process of `worker` is gone, or sleeps; where it is noticed, the other one has its runs now."""
    other = next(one for one in world.workers if one is not worker)
    lost = list(worker.holds)
    world.ghosts |= worker.holds
    worker.start()
    for hold in lost if noticed else []:
        take_over(world, other, hold.run_id, dead=True)


def _writes(hold: Hold, speech: Speech, row: Row | None) -> list[tuple[Any, dict[str, Any]]]:
    """Every kind of write that a holder has."""
    writes: list[tuple[Any, dict[str, Any]]] = [
        (flush_text, {}),
        (model_steps.start_model, {"key": "9", "author": "Ghost"}),
        (tool_steps.plan_tools, {"plans": []}),
        (question_steps.ask_question, {"key": "9", "digest_": "d", "asked": ASKED}),
        (question_steps.delegate_step, {"key": "9", "digest_": "d", "agent_id": None, "agent_name": "", "prompt": "p"}),
        (holds.park_run, {}),
        (holds.release_run, {}),
        (holds.finish_run, {"status": RunStatus.COMPLETED}),
    ]
    ending = Ending(StepStatus.SUCCEEDED, "from a ghost")
    record = {"key": "9", "kind": StepKind.QUESTION, "digest_": "d", "ending": ending}
    writes.append((question_steps.record_step, record))
    if row is not None:
        step = Step.objects.get(id=row["id"])
        failure = {"code": "engine_error", "sentence": "", "retryable": True}
        writes += [
            (tool_steps.start_step, {"step": step, "arguments": step.arguments}),
            (tool_steps.end_step, {"step": step, "ending": ending}),
            (tool_steps.doubt_step, {"step": step, "message": "?"}),
            (model_steps.end_model, {"step": step, "reply": Reply("from a ghost")}),
            (model_steps.fail_model, {"step": step, **failure}),
        ]
    return writes


def _forbidden(world: World, hold: Hold) -> list[tuple[Row, Row]]:
    """Starts that no record allows: the step, and the arguments it would start with."""
    found = []
    for step in world.rows.steps_of(hold.run_id):
        if step["kind"] != "tool":
            continue
        question = world.rows.question(step["id"]) or {"status": "", "decision": ""}
        said_yes = question["status"] == "answered" and question["decision"] in ("approve", "edit", "run_again")
        harmless = step["status"] == "started" and step["effect"] != "unsafe"
        waits = step["status"] in ("waiting", "unknown") and step["ended_at"] is None
        if not (step["status"] == "planned" or harmless or (waits and said_yes)):
            found.append((step, step["arguments"]))
        else:
            found.append((step, {"text": "forged"}))
    return found
