"""All that the database holds of one session, as plain values that can be compared."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Model

from agentsite.core.rows import all_rows
from sessions_app.models import Interaction, Message, Run, Secret, Session, Step
from sessions_app.types import ENDED, HELD, LIVE, STEP_ENDED, InteractionStatus, RunStatus, StepStatus
from tools_app.models import ToolDecision

Row = dict[str, Any]


@dataclass
class Rows:
    """One look at a session's tables."""

    session: Row
    runs: list[Row]
    messages: list[Row]
    steps: list[Row]
    interactions: list[Row]
    secrets: list[Row]
    decisions: int

    @classmethod
    def load(cls, session_id: UUID) -> "Rows":
        """Look now."""
        runs = sorted(_all(Run, session_id=session_id), key=lambda run: (run["queued_at"], run["depth"]))
        order = {run["id"]: number for number, run in enumerate(runs)}
        steps = _all(Step, session_id=session_id)
        return cls(
            session=_all(Session, id=session_id)[0],
            runs=runs,
            messages=_all(Message, session_id=session_id),
            steps=sorted(steps, key=lambda step: (order[step["run_id"]], step["position"], step["key"])),
            interactions=_all(Interaction, session_id=session_id),
            secrets=[secret for run in runs for secret in _all(Secret, run_id=run["id"])],
            decisions=len(_all(ToolDecision, session_id=session_id)),
        )

    def run(self, run_id: UUID) -> Row:
        """One run."""
        return next(run for run in self.runs if run["id"] == run_id)

    def step(self, step_id: UUID) -> Row:
        """One step."""
        return next(step for step in self.steps if step["id"] == step_id)

    def steps_of(self, run_id: UUID) -> list[Row]:
        """One run's steps, in order."""
        return [step for step in self.steps if step["run_id"] == run_id]

    def question(self, step_id: UUID) -> Row | None:
        """What was last asked about a step."""
        asked = [row for row in self.interactions if row["step_id"] == step_id]
        return asked[-1] if asked else None

    def ended(self) -> list[Row]:
        """The runs that have ended."""
        return [run for run in self.runs if run["status"] in ENDED]

    def live(self) -> list[Row]:
        """The top-level runs that have not."""
        return [run for run in self.runs if run["status"] in LIVE and run["parent_id"] is None]

    def held(self) -> list[Row]:
        """The runs that somebody holds."""
        return [run for run in self.runs if run["status"] in HELD]

    def queued(self) -> list[Row]:
        """The runs that wait for a worker."""
        return [run for run in self.runs if run["status"] == RunStatus.QUEUED]

    def pending(self) -> list[Row]:
        """The open questions."""
        return [row for row in self.interactions if row["status"] == InteractionStatus.PENDING]

    def unfinished(self, run_id: UUID) -> list[str]:
        """What is still open in a run: it must be nothing once the run has ended."""
        steps = [row["key"] for row in self.steps_of(run_id) if not _is_over(row)]
        asked = [row["kind"] for row in self.pending() if row["run_id"] == run_id]
        said = [row["status"] for row in self.messages if row["run_id"] == run_id and row["status"] == "streaming"]
        secret = [row["name"] for row in self.secrets if row["run_id"] == run_id]
        return steps + asked + said + secret


def _all(model: type[Model], **where: Any) -> list[Row]:
    """Rows as they are, in the model's order."""
    names = [field.attname for field in model._meta.concrete_fields]
    return [{name: getattr(row, name) for name in names} for row in all_rows(model, **where)]


def _is_over(step: Row) -> bool:
    """A tool's step has a result for the model; one in doubt keeps `unknown` and says so."""
    told = step["kind"] != "tool" or bool((step["result"] or {}).get("content"))
    return step["status"] in STEP_ENDED and step["ended_at"] is not None and told


def is_open(step: Row) -> bool:
    """A step that somebody still has to do something about."""
    return step["status"] in (StepStatus.PLANNED, StepStatus.WAITING, StepStatus.STARTED) or (
        step["status"] == StepStatus.UNKNOWN and step["ended_at"] is None
    )
