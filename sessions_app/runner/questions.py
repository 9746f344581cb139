"""An agent's own questions and its child runs: recorded, shown at once, and waited for without a waiting process."""

from typing import Any

from agents_app import selectors as agents
from agents_app.types import NotAnsweredError, Outcome
from agentsite.core.digest import digest
from agentsite.core.reading import in_database
from sessions_app.models import Interaction, Run, Step
from sessions_app.runner.attempt import Attempt
from sessions_app.runner.errors import ReplayMismatchError
from sessions_app.services import question_steps, tool_steps
from sessions_app.services.recording import Asked, Ending
from sessions_app.types import ENDED, InteractionKind, InteractionStatus, StepKind, StepStatus

MOST_DEPTH = 4
_OPEN = (StepStatus.WAITING, StepStatus.PLANNED)


async def ask(attempt: Attempt, key: str, message: str, schema: dict[str, Any]) -> tuple[Step, dict[str, Any]]:
    """The values a person gave.

    Raises NotAnsweredError.
    """
    shown = digest("ask", message, schema)
    asked = Asked(InteractionKind.INPUT, message, ("submit", "decline"), shown, schema=schema)
    step = await _answered(attempt, key, shown, asked)
    data = (step.result or {}).get("data", {})
    if step.status != StepStatus.SUCCEEDED:
        raise NotAnsweredError(data.get("reason", "declined"), data.get("note", ""))
    return step, data["values"]


async def confirm(attempt: Attempt, key: str, message: str) -> tuple[Step, bool]:
    """Whether a person said yes."""
    shown = digest("confirm", message)
    asked = Asked(InteractionKind.CONFIRMATION, message, ("approve", "reject"), shown)
    step = await _answered(attempt, key, shown, asked)
    return step, step.status == StepStatus.SUCCEEDED


async def delegate(attempt: Attempt, key: str, agent: str, prompt: str) -> tuple[Step, Outcome]:
    """How a child run ended."""
    shown = digest("delegate", agent, prompt)
    step = _recorded(attempt, key, shown)
    if step is None:
        step = await _begin_child(attempt, key, shown, agent, prompt)
    if step.status in _OPEN:
        step = await _child_ended(attempt, step)
    data = (step.result or {}).get("data", {})
    return step, Outcome(run_id=data["run_id"], status=data["status"], text=data["text"], code=data["code"])


async def _answered(attempt: Attempt, key: str, shown: str, asked: Asked) -> Step:
    step = _recorded(attempt, key, shown)
    if step is None:
        step = await _put(attempt, key, shown, asked)
    if step.status not in _OPEN:
        return step
    interaction = await in_database(latest_interaction, step)
    if interaction.status == InteractionStatus.PENDING:
        await attempt.park()
    async with attempt.in_flight():
        step = await attempt.write(tool_steps.end_step, step=step, ending=_ending(interaction))
        attempt.record(step)
        return step


async def _put(attempt: Attempt, key: str, shown: str, asked: Asked) -> Step:
    async with attempt.in_flight():
        if attempt.interactive:
            step = await attempt.write(question_steps.ask_question, key=key, digest_=shown, asked=asked)
        else:
            nobody = Ending(StepStatus.DENIED, "Nobody can be asked here.", "nobody", {"reason": "declined"})
            step = await attempt.write(
                question_steps.record_step, key=key, kind=StepKind.QUESTION, digest_=shown, ending=nobody
            )
        attempt.record(step)
        return step


def _ending(interaction: Interaction) -> Ending:
    answer = interaction.answer or {}
    if interaction.status == InteractionStatus.EXPIRED:
        return Ending(StepStatus.DENIED, "No answer in time.", "expired", {"reason": "expired"})
    if interaction.decision == "submit":
        return Ending(StepStatus.SUCCEEDED, "Answered.", data={"values": answer["values"]})
    if interaction.decision == "approve":
        return Ending(StepStatus.SUCCEEDED, "Yes.")
    note = answer.get("reason", "")
    return Ending(StepStatus.DENIED, note or "No.", "declined", {"reason": "declined", "note": note})


def latest_interaction(step: Step) -> Interaction:
    """The question that a step last put."""
    return Interaction.objects.filter(step_id=step.id).order_by("-position").select_related("answered_by")[0]


def _recorded(attempt: Attempt, key: str, shown: str) -> Step | None:
    step = attempt.steps.get(key)
    if step is not None and step.digest != shown:
        raise ReplayMismatchError(key)
    return step


async def _begin_child(attempt: Attempt, key: str, shown: str, agent: str, prompt: str) -> Step:
    async with attempt.in_flight():
        row = await in_database(agents.find_agent, agent)
        problem = ""
        if row is None:
            problem = f"There is no agent named {agent}."
        elif attempt.depth + 1 >= MOST_DEPTH:
            problem = f"Agents may delegate {MOST_DEPTH - 1} levels deep at most."
        if row is None or problem:
            data = {"run_id": str(attempt.hold.run_id), "status": "failed", "text": problem, "code": "not_delegated"}
            ending = Ending(StepStatus.FAILED, problem, "not_delegated", data)
            step = await attempt.write(
                question_steps.record_step, key=key, kind=StepKind.DELEGATE, digest_=shown, ending=ending
            )
        else:
            step = await attempt.write(
                question_steps.delegate_step,
                key=key,
                digest_=shown,
                agent_id=row.id,
                agent_name=row.name,
                prompt=prompt,
            )
        attempt.record(step)
        return step


async def _child_ended(attempt: Attempt, step: Step) -> Step:
    child = await in_database(Run.objects.get, id=step.child_id)
    if child.status not in ENDED:
        await attempt.park()
    async with attempt.in_flight():
        text = child.text or child.sentence
        data = {"run_id": str(child.id), "status": child.status, "text": text, "code": child.code}
        step = await attempt.write(tool_steps.end_step, step=step, ending=Ending(StepStatus.SUCCEEDED, text, data=data))
        attempt.record(step)
        return step
