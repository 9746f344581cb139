"""Who holds a run in a story without a runtime, and writes its journal step by step through the services."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from agents_app.models import Agent
from agents_app.types import Reply
from agentsite.access.models import User
from agentsite.core.text import utf16_length
from sessions_app import broker
from sessions_app.models import Interaction, Run, Session, Step
from sessions_app.services import holds, model_steps, question_steps, tool_steps
from sessions_app.services.holds import Delta, Hold
from sessions_app.services.messages import send_message
from sessions_app.services.recording import Asked, Ending
from sessions_app.services.sessions import create_session
from sessions_app.services.text import flush_text
from sessions_app.types import InteractionKind, RunStatus, StepStatus
from tests.support.puppets import puppet
from tools_app.types import Decision, Risk, Verdict

FORM = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "title": "City", "description": "Where to"},
        "nights": {"type": "integer", "default": 2},
        "class": {"enum": ["first", "second"]},
        "insured": {"type": "boolean"},
        "pin": {"type": "string", "format": "password"},
    },
    "required": ["city"],
}


async def nothing(ctx: Any) -> None:
    """A program that is never run: the scribe writes what it would have done."""


def idle_agent() -> Agent:
    """An agent whose runs nobody executes."""
    return Agent.objects.filter(slug="puppet-nothing").first() or puppet(nothing)


@dataclass
class Scribe:
    """Writes one run of a session."""

    session: Session
    owner: User
    run: Run | None = None
    hold: Hold | None = None
    step: Step | None = None
    said: str = ""
    stored: str = ""
    steps: int = 0

    @classmethod
    def begin(cls, owner: User, text: str = "Hello") -> "Scribe":
        """A session whose first run has begun."""
        scribe = cls(create_session(owner=owner, agent=idle_agent()), owner)
        scribe.claim(scribe.send(text))
        return scribe

    def send(self, text: str) -> Run:
        """The owner says something."""
        return send_message(session_id=self.session.id, user=self.owner, text=text)

    def claim(self, run: Run) -> None:
        """Take a run, or take it up again."""
        hold = holds.claim_run(run_id=run.id, owner="scribe")
        assert hold is not None
        self.run, self.hold = run, hold

    @property
    def held(self) -> Hold:
        """The hold on the run."""
        assert self.hold is not None
        return self.hold

    def key(self) -> str:
        """The key of the next step."""
        self.steps += 1
        return str(self.steps)

    def start_message(self) -> UUID:
        """A model is asked; its message begins."""
        self.step = model_steps.start_model(hold=self.held, pending=(), key=self.key(), author="Puppet")
        self.said = self.stored = ""
        assert self.step.message_id is not None
        return self.step.message_id

    def live(self, text: str) -> None:
        """Text in the live lane only."""
        assert self.step is not None
        assert self.step.message_id is not None
        off = utf16_length(self.said)
        self.said += text
        broker.carry(broker.LiveText(self.session.id, self.held.run_id, self.step.message_id, "text", off, text))

    def store(self) -> None:
        """What was said since the last time goes into the journal."""
        assert self.step is not None
        assert self.step.message_id is not None
        text = self.said[len(self.stored) :]
        delta = Delta(self.step.message_id, "text", utf16_length(self.stored), text)
        self.stored = self.said
        assert flush_text(batch={self.held: [delta]}) == []

    def say(self, text: str) -> None:
        """Text in both lanes."""
        self.live(text)
        self.store()

    def end_message(self, reasoning: str = "") -> None:
        """The message is complete."""
        assert self.step is not None
        model_steps.end_model(hold=self.held, pending=(), step=self.step, reply=Reply(self.said, reasoning))

    def plan_tool(self, *, ask: bool, grantable: bool = False) -> Step:
        """The agent wants to call a tool."""
        decision = Decision.ASK if ask else Decision.ALLOW
        plan = tool_steps.ToolPlan(
            key=self.key(),
            digest="d" * 64,
            call_id=f"call-{self.steps}",
            tool="shell",
            arguments={"command": "ls"},
            effect="unsafe",
            display={"icon": "terminal", "title": "Run a command", "key_argument": "ls", "sentence": "Run ls?"},
            timeout_seconds=5,
            verdict=Verdict(decision, "the default", Risk.HIGH, "runs code", waivable=grantable),
            shown_digest="d" * 64,
            question="Run ls?",
        )
        return tool_steps.plan_tools(hold=self.held, pending=(), plans=[plan])[0]

    def run_tool(self, output: str) -> Step:
        """A call that is allowed, with its live output."""
        step = self.plan_tool(ask=False)
        step = tool_steps.start_step(hold=self.held, pending=(), step=step, arguments={"command": "ls"})
        delta = Delta(step.id, "output", 0, output)
        ending = Ending(StepStatus.SUCCEEDED, output)
        flush_text(batch={self.held: [delta]})
        return tool_steps.end_step(hold=self.held, pending=(), step=step, ending=ending)

    def ask(self, *, grantable: bool = False) -> Interaction:
        """A tool call that waits for a yes; the run parks."""
        step = self.plan_tool(ask=True, grantable=grantable)
        return self._parked(step)

    def ask_form(self) -> Interaction:
        """A form; the run parks."""
        asked = Asked(InteractionKind.INPUT, "Where to?", ("submit", "decline"), "f" * 64, schema=FORM)
        step = question_steps.ask_question(hold=self.held, pending=(), key=self.key(), digest_="f" * 64, asked=asked)
        return self._parked(step)

    def doubt(self) -> Interaction:
        """A call whose outcome nobody knows; the run parks."""
        step = self.plan_tool(ask=False)
        step = tool_steps.start_step(hold=self.held, pending=(), step=step, arguments={"command": "ls"})
        step = tool_steps.doubt_step(hold=self.held, pending=(), step=step, message="What became of it?")
        return self._parked(step)

    def _parked(self, step: Step) -> Interaction:
        holds.park_run(hold=self.held, pending=())
        return Interaction.objects.get(step=step, status="pending")

    def finish(self, text: str = "Done.") -> None:
        """The run completes."""
        holds.finish_run(hold=self.held, pending=(), status=RunStatus.COMPLETED, text=text)

    def fail(self) -> None:
        """The run fails."""
        holds.finish_run(
            hold=self.held,
            pending=(),
            status=RunStatus.FAILED,
            code="engine_timeout",
            sentence="The engine did not answer in time.",
            actions=("retry",),
        )

    def delegate(self) -> "Scribe":
        """A child run that has begun; the parent waits for it."""
        agent = idle_agent()
        step = question_steps.delegate_step(
            hold=self.held,
            pending=(),
            key=self.key(),
            digest_="c" * 64,
            agent_id=agent.id,
            agent_name=agent.name,
            prompt="Look it up",
        )
        holds.park_run(hold=self.held, pending=())
        child = Scribe(self.session, self.owner)
        assert step.child is not None
        child.claim(step.child)
        return child
