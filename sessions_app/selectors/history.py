"""What a model is told of the conversation so far: every tool request with its result, or providers refuse it."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from agents_app.types import Message as ModelMessage
from agents_app.types import ToolRequest
from sessions_app.models import Message, Run, Step
from sessions_app.types import STEP_ENDED, MessageRole, MessageStatus, StepKind

_SAID = (MessageStatus.COMPLETED, MessageStatus.INCOMPLETE)
NOT_RUN = "This call was not run."


def history(session_id: UUID, end: int) -> list[ModelMessage]:
    """The conversation before position `end`, without child runs, superseded and withdrawn messages."""
    runs = dict(Run.objects.filter(session_id=session_id, parent=None).values_list("id", "retry_of_id"))
    rows = Message.objects.filter(session_id=session_id, position__lt=end, status__in=_SAID).order_by("position")
    said = [row for row in rows if row.run_id in runs or row.run_id is None]
    requests = _requests(said)
    results = _results(session_id, runs)
    messages: list[ModelMessage] = []
    for row in said:
        if row.role == MessageRole.USER:
            messages.append(ModelMessage("user", row.text))
            continue
        asked = requests.get(row.id, ())
        if row.text or asked:
            messages.append(ModelMessage("assistant", row.text, tool_requests=asked))
        for request in asked:
            content = results.get((_root(runs, row.run_id), request.id), NOT_RUN)
            messages.append(ModelMessage("tool", content, tool_call_id=request.id))
    return messages


def _requests(said: Iterable[Message]) -> dict[UUID, tuple[ToolRequest, ...]]:
    steps = Step.objects.filter(message__in=[row.id for row in said], kind=StepKind.MODEL, copied_from=None)
    return {
        message_id: tuple(ToolRequest(**request) for request in result.get("tool_requests", ()))
        for message_id, result in steps.values_list("message_id", "result")
        if message_id is not None and isinstance(result, dict)
    }


def _results(session_id: UUID, runs: Mapping[UUID, UUID | None]) -> dict[tuple[UUID | None, str], str]:
    steps = Step.objects.filter(
        session_id=session_id, run__parent=None, kind=StepKind.TOOL, copied_from=None, status__in=STEP_ENDED
    ).order_by("position")
    return {
        (_root(runs, run_id), call_id): (result or {}).get("content", NOT_RUN)
        for run_id, call_id, result in steps.values_list("run_id", "call_id", "result")
    }


def _root(runs: Mapping[UUID, UUID | None], run_id: UUID | None) -> UUID | None:
    """The first run of a chain of retries: they share their calls."""
    while run_id is not None and runs.get(run_id) is not None:
        run_id = runs[run_id]
    return run_id
