"""What people do: they write, answer from two tabs, change their minds, stop, retry, and let time pass."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from agentsite.core.errors import ConflictError, InvalidError
from sessions_app.runner import sweeper
from sessions_app.services import holds
from sessions_app.services.interactions import AnsweredError, answer_interaction
from sessions_app.services.messages import (
    QUEUE_DEPTH,
    BusyError,
    QueueFullError,
    edit_queued_message,
    send_message,
    withdraw_message,
)
from sessions_app.services.runs import cancel_run, cancel_session, continue_run, retry_run
from sessions_app.services.sessions import update_session
from sessions_app.types import ENDED, Strategy
from tests.properties.choosing import INDEX, Machine, claim, pick, where
from tests.properties.rows import Row
from tests.properties.world import World
from tools_app.models import ToolPermission

STRATEGIES = st.sampled_from([*[Strategy.ENQUEUE] * 4, *[Strategy.REJECT] * 3, Strategy.INTERRUPT])
SOMEBODY = st.sampled_from([0, 1, None])
DECISIONS = ("approve", "edit", "reject", "respond", "submit", "decline", "happened", "run_again", "skip", "stop")
EDITED = {"text": "edited #0#", "seconds": 1.0}


class PeopleRules(Machine):
    """Rules of persons."""

    @rule(text=st.sampled_from(["hi", "go on 😀"]), strategy=STRATEGIES, who=SOMEBODY)
    def says(self, text: str, strategy: str, who: int | None) -> None:
        """A message; somebody may take its run at once."""
        live = len(self.world.rows.live())
        session, owner = self.world.session, self.world.owner
        try:
            send_message(session_id=session.id, user=owner, text=text, strategy=strategy)
        except BusyError:
            assert strategy == "reject"
            assert live
        except QueueFullError:
            assert live > QUEUE_DEPTH
        else:
            assert not live or strategy != "reject"
            claim(self.world, who)

    @where(lambda world: _own_messages(world))
    @rule(index=INDEX, edits=st.booleans())
    def changes_their_mind(self, index: int, edits: bool) -> None:
        """A message is changed or withdrawn, which works until its run begins."""
        message = pick(_own_messages(self.world), index)
        run = next(row for row in self.world.rows.runs if row["prompt_id"] == message["id"])
        open_ = message["status"] == "queued" and (run["status"], run["started_at"]) == ("queued", None)
        try:
            if edits:
                edit_queued_message(message_id=message["id"], text="changed")
            else:
                withdraw_message(message_id=message["id"], user=self.world.owner)
        except ConflictError:
            assert not open_
        else:
            assert open_

    @where(lambda world: world.rows.pending())
    @rule(index=INDEX, choice=INDEX, scope=st.sampled_from(["once", "once", "session"]), who=SOMEBODY)
    def answers(self, index: int, choice: int, scope: str, who: int | None) -> None:
        """An open question gets one of its answers; somebody may go on with the run at once."""
        question = pick(self.world.rows.pending(), index)
        answer(self.world, question, pick(question["allowed_decisions"], choice), scope)
        claim(self.world, who)

    @where(lambda world: world.rows.interactions)
    @rule(index=INDEX, decision=st.sampled_from(DECISIONS))
    def answers_anything(self, index: int, decision: str) -> None:
        """The other tab answers too: any question, also a closed one, with any decision."""
        answer(self.world, pick(self.world.rows.interactions, index), decision, "once")

    @where(lambda world: any(row["expires_at"] for row in world.rows.pending()))
    @rule(index=INDEX, choice=INDEX)
    def answers_too_late(self, index: int, choice: int) -> None:
        """The time is up and nobody has looked yet: the answer is told so."""
        question = pick([row for row in self.world.rows.pending() if row["expires_at"]], index)
        self.world.clock.move(max(0.0, (question["expires_at"] - self.world.clock.now()).total_seconds()))
        answer(self.world, question, pick(question["allowed_decisions"], choice), "once")

    @where(lambda world: len(world.rows.steps) > 5 and world.rows.live())
    @rule(index=INDEX, what=st.sampled_from(["run", "child", "run", "session"]))
    def stops(self, index: int, what: str) -> None:
        """Stop one run, perhaps a child, or all that is on or waits."""
        world = self.world
        if what == "session":
            assert cancel_session(session_id=world.session.id, user=world.owner) != "none"
            return
        runs = [run for run in world.rows.runs if bool(run["parent_id"]) == (what == "child")] or world.rows.runs
        run = pick(runs, index)
        told = cancel_run(run_id=run["id"], user=world.owner)
        assert (told == "none") == (run["status"] in ENDED)

    @where(lambda world: world.rows.ended())
    @rule(index=INDEX, other=st.booleans(), who=SOMEBODY)
    def takes_up(self, index: int, other: bool, who: int | None) -> None:
        """Retry or Continue, mostly what is offered; somebody may take the new run at once."""
        ended = self.world.rows.ended()[::-1]
        run = pick([run for run in ended if run["actions"]] or ended, index)
        goes_on = ("continue" in run["actions"]) != (other and index == 0)
        action, name = (continue_run, "continue") if goes_on else (retry_run, "retry")
        offered = name in run["actions"] and not any(_took_up(row, run) for row in self.world.rows.runs)
        try:
            action(run_id=run["id"])
        except ConflictError:
            assert not offered
        else:
            assert offered
            claim(self.world, who)

    @rule(seconds=st.sampled_from([1, 20, 31, 70, 86_400]), beats=st.booleans(), sweeps=st.booleans())
    def time_passes(self, seconds: int, beats: bool, sweeps: bool) -> None:
        """Deadlines and waits run out, perhaps before anybody looks; the leases of living workers do not."""
        world = self.world
        world.clock.move(seconds)
        for worker in world.workers if beats else []:
            holds.renew_holds(owner=worker.owner)
        if sweeps:
            sweeper.sweep_deadlines()

    @rule(what=st.sampled_from(["off", "on", "on", "act", "dare", "title"]))
    def an_operator_acts(self, what: str) -> None:
        """The agent is switched off or on, a rule is written or taken back, the session renamed."""
        world = self.world
        rules = ToolPermission.objects.filter(layer="site", tool=what)
        if what in ("on", "off"):
            type(world.agent).objects.filter(id=world.agent.id).update(enabled=what == "on")
        elif what == "title":
            update_session(session_id=world.session.id, title="named")
        elif not rules.delete()[0]:
            ToolPermission.objects.create(layer="site", tool=what, action="deny")


def _own_messages(world: World) -> list[Row]:
    return [row for row in world.rows.messages if row["role"] == "user"]


def answer(world: World, question: Row, decision: str, scope: str) -> None:
    """I8: whoever comes first wins, and whoever comes later is told who did."""
    given: dict[str, Any] = {"arguments": EDITED, "reason": "because", "values": {"city": "Bern"}}
    if "key" in (question["schema"] or {}).get("properties", {}):
        given["values"]["key"] = "hunter2"
    late = question["expires_at"] is not None and question["expires_at"] <= world.clock.now()
    before = world.rows
    try:
        row = answer_interaction(
            interaction_id=question["id"], user=world.owner, decision=decision, scope=scope, **given
        )
    except AnsweredError as error:
        assert late or question["status"] != "pending", "I8"
        told = error.details["interaction"]
        assert told["status"] != "pending"
        if question["status"] == "answered":
            assert (told["decision"], told["answer"]) == (question["decision"], question["answer"]), "I8"
    except InvalidError:
        assert not world.ledger.changed(before)
        assert not (decision in question["allowed_decisions"] and scope == "once" and decision != "edit")
    else:
        assert (question["status"], late) == ("pending", False), "I8"
        world.ledger.won[row.id] = (decision, "person")
        if decision == "run_again":
            run = world.rows.run(question["run_id"])
            world.ledger.again[world.origin(run), world.rows.step(question["step_id"])["key"]] += 1


def _took_up(row: Row, run: Row) -> bool:
    """Whether `row` is a retry of `run` that lives or has worked: going back behind it would do things twice."""
    return row["retry_of_id"] == run["id"] and (row["status"] not in ENDED or row["started_at"] is not None)
