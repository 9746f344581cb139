"""The last look before an effect, in the transaction that writes it ahead: does the record allow it to begin?"""

from typing import Any

from sessions_app.models import Interaction, Step
from sessions_app.types import InteractionStatus, StepStatus
from tools_app.types import Effect

_AGAIN = (Effect.READ, Effect.IDEMPOTENT)


class NotAllowedError(Exception):
    """No yes, another call than the one that was shown, or an unsafe one that began before: a mistake of the runner."""


def check_may_begin(step: Step, arguments: dict[str, Any]) -> None:
    """What begins is what was planned and allowed, what a person said yes to, or harmless to run again.

    Raises NotAllowedError.
    """
    if step.status == StepStatus.PLANNED:
        allowed = step.arguments
    elif step.status == StepStatus.STARTED and step.effect in _AGAIN:
        allowed = step.effective_arguments
    else:
        allowed = _answered(step)
    if allowed is None or allowed != arguments:
        raise NotAllowedError(f"step {step.key} may not begin")


def _answered(step: Step) -> dict[str, Any] | None:
    """The arguments that the newest answer lets run; None when it is no yes."""
    question = Interaction.objects.filter(step=step).order_by("-position").first()
    if question is None or question.status != InteractionStatus.ANSWERED:
        return None
    if step.status == StepStatus.UNKNOWN:
        return step.effective_arguments if question.decision == "run_again" else None
    if step.status != StepStatus.WAITING:
        return None
    edited: dict[str, Any] | None = (question.answer or {}).get("arguments")
    return {"approve": question.arguments, "edit": edited}.get(question.decision)
