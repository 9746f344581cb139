"""One example's site, in one thread: Alice's session, two workers, two tabs, a clock, and what really happened."""

from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from agents_app.models import Agent
from agentsite.access.models import User
from sessions_app import broker
from sessions_app.models import Session
from sessions_app.selectors.journal import events_after
from sessions_app.services import holds, model_steps, tool_steps
from sessions_app.services.holds import Hold, LostHoldError, StopAskedError
from sessions_app.services.sessions import create_session
from sessions_app.types import HELD, StepKind, StepStatus
from tests.properties.clock import Clock, moved
from tests.properties.ledger import Ledger
from tests.properties.rows import Row, is_open
from tests.properties.speech import Key, Speech
from tests.properties.tabs import Tab, transport
from tests.support import puppets
from tests.support.toolbox import toolbox
from tools_app.models import ToolDecision, ToolPermission

TOOLS = ("peek", "put", "act", "dare", "ask_user")
SCOPES = ("", "a/", "b/")
ENDING = (holds.finish_run, tool_steps.end_step, model_steps.end_model, model_steps.fail_model)
_T = TypeVar("_T")


class Worker:
    """A process that executes: its holds, what they stream, and which effects have truly begun."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lives = 0
        self.start()

    def start(self) -> None:
        """A new process takes the place of the last one."""
        self.lives += 1
        self.owner = f"host:{self.name}{self.lives}"
        self.holds: dict[Hold, Speech] = {}
        self.begun: set[tuple[UUID, int]] = set()


class World:
    """Everything that the rules act on."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tabs: list[Tab] = []
        self._stack = ExitStack()
        self._stack.enter_context(moved(self.clock))
        self._stack.enter_context(toolbox(Path("/nonexistent")))
        self._stack.enter_context(transport(self.tabs))
        self.owner, _ = User.objects.get_or_create(username="alice")
        self.agent = _agent()
        self.session = create_session(owner=self.owner, agent=self.agent)
        self.ledger = Ledger(self.session.id)
        self.tabs += [Tab(self.session.id), Tab(self.session.id)]
        self.workers = [Worker("a"), Worker("b")]
        self.ghosts: dict[Hold, Speech] = {}
        self.said: dict[Key, list[str]] = defaultdict(lambda: [""])
        self.calls = 0

    @property
    def rows(self) -> Any:
        """The rows as they were after the last rule."""
        return self.ledger.rows

    def close(self) -> None:
        """Leave nothing to the next example."""
        Session.objects.filter(id=self.session.id).delete()
        ToolPermission.objects.all().delete()
        ToolDecision.objects.delete_older_than(self.clock.now())
        self._stack.close()

    # What workers do

    def holds(self) -> list[tuple[Worker, Hold]]:
        """Every hold that a worker believes to have."""
        return [(worker, hold) for worker in self.workers for hold in worker.holds]

    def is_lost(self, hold: Hold) -> bool:
        """Whether somebody else holds the run, or it has ended."""
        run = self.rows.run(hold.run_id)
        return run["fence"] != hold.fence or run["status"] not in HELD

    def write(self, worker: Worker, hold: Hold, function: Callable[..., _T], **kwargs: Any) -> _T | None:
        """One write of a holder, with its waiting text; None when it has learned that it is to stop or has lost."""
        speech = worker.holds[hold]
        pending = speech.take()
        lost, run = self.is_lost(hold), self.rows.run(hold.run_id)
        before = self.rows
        try:
            result = function(hold=hold, pending=pending, **kwargs)
        except LostHoldError:
            assert lost
            assert not self.ledger.changed(before), "I6"
            del worker.holds[hold]
            return None
        except StopAskedError:
            assert run["status"] == "cancelling"
            stored = events_after(self.session.id, before.session["seq"], len(pending) + 1)
            assert len(stored) == len(pending), "what was said until the stop is kept"
            return None
        assert not lost, "I6"
        assert run["status"] != "cancelling" or function in ENDING, "after a stop nothing new begins"
        return result

    def forget(self, worker: Worker, hold: Hold) -> None:
        """The worker has let go of a run; a thread of it that does not know is a ghost."""
        speech = worker.holds.pop(hold, None)
        if speech is not None:
            self.ghosts[hold] = speech

    def say(self, speech: Speech, key: Key, piece: str, *, live: bool) -> None:
        """A holder's stream goes on; a live frame is carried to whoever reads."""
        frame = speech.say(key, piece)
        self.said[key][-1] = speech.said(key)
        if live and frame.text:
            broker.carry(frame)

    def origin(self, run: Row) -> str:
        """The first run of a chain of retries: its effects are the same ones."""
        return str(run["frozen"]["origin"])

    def begins(self, worker: Worker, hold: Hold, step: Any) -> None:
        """An effect truly begins."""
        worker.begun.add((step.id, hold.fence))
        if step.effect == "unsafe":
            self.ledger.begun.add((step.id, hold.fence))
            self.ledger.effects[self.origin(self.rows.run(hold.run_id)), step.key] += 1

    # What is there to choose from

    def scopes(self, hold: Hold) -> list[tuple[str, int]]:
        """The scopes of a run with nothing in flight, each with the ordinal of its next effect."""
        free = []
        for scope in SCOPES:
            steps = [row for row in self.rows.steps_of(hold.run_id) if row["key"].rpartition("/")[0] == scope[:-1]]
            ordinals = [int(row["key"].removeprefix(scope).split(".")[0]) for row in steps]
            if not any(is_open(row) for row in steps) and not self.unplanned(hold, scope):
                free.append((scope, max(ordinals, default=-1) + 1))
        return free

    def unplanned(self, hold: Hold, within: str | None = None) -> dict[str, Row]:
        """The calls of replies that are not on record, of one scope or of all: key → request."""
        steps = {row["key"]: row for row in self.rows.steps_of(hold.run_id)}
        asked: dict[str, Row] = {}
        for key, row in steps.items():
            scope, _, ordinal = key.rpartition("/")
            scope = f"{scope}/" if scope else ""
            if row["kind"] == "model" and row["status"] == StepStatus.SUCCEEDED and within in (scope, None):
                calls = enumerate(row["result"]["tool_requests"])
                asked |= {f"{scope}{int(ordinal) + 1}.{index}": call for index, call in calls}
        return {key: call for key, call in asked.items() if key not in steps}

    def started(self, hold: Hold, kind: str = "") -> list[Row]:
        """The steps of a run that are written ahead and not ended, by whomever."""
        steps: list[Row] = self.rows.steps_of(hold.run_id)
        return [row for row in steps if row["status"] == StepStatus.STARTED and (not kind or row["kind"] == kind)]

    def acts(self, hold: Hold) -> list[Row]:
        """The open steps of a run, without those of models."""
        steps: list[Row] = self.rows.steps_of(hold.run_id)
        return [row for row in steps if row["kind"] != StepKind.MODEL and is_open(row)]


def _agent() -> Agent:
    agent, _ = Agent.objects.update_or_create(
        slug="machine",
        defaults={
            "name": "Machine",
            "template_key": puppets.Puppet.key,
            "config": {"program": "machine"},
            "tools": list(TOOLS),
            "enabled": True,
        },
    )
    return agent
