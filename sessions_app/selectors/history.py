"""What a model is told of the conversation so far: every tool request with its result, or providers refuse it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from agents_app.types import Message as ModelMessage
from agents_app.types import ToolRequest
from agentsite.core.rows import one_row
from sessions_app.models import Message, Run, Step
from sessions_app.types import STEP_ENDED, MessageRole, MessageStatus, StepKind

_SAID = (MessageStatus.COMPLETED, MessageStatus.INCOMPLETE)
_ID_CHARACTERS = 100
NOT_RUN = "This call was not run."
Chains = Mapping[UUID, UUID | None]


@dataclass(frozen=True, slots=True)
class _Reply:
    """What a model asked for, where: `root` is the first run of its chain of retries, `scope` the branch."""

    message_id: UUID
    position: int
    root: UUID | None
    scope: str
    requests: tuple[ToolRequest, ...]


def history(session_id: UUID, end: int) -> list[ModelMessage]:
    """The conversation before position `end`, without child runs, superseded and withdrawn messages."""
    if one_row(Message, only=("id",), session_id=session_id, position__lt=end) is None:
        return []
    runs = dict(Run.objects.filter(session_id=session_id, parent=None).values_list("id", "retry_of_id"))
    rows = Message.objects.filter(session_id=session_id, position__lt=end, status__in=_SAID).order_by("position")
    replies = _replies(session_id, runs)
    requests = {reply.message_id: reply.requests for reply in replies}
    results = _results(session_id, runs, replies)
    messages: list[ModelMessage] = []
    for row in rows:
        if row.run_id is not None and row.run_id not in runs:
            continue
        if row.role == MessageRole.USER:
            messages.append(ModelMessage("user", row.text))
            continue
        asked = requests.get(row.id, ())
        if row.text or asked:
            messages.append(ModelMessage("assistant", row.text, tool_requests=asked))
        for request in asked:
            content = results.get((row.id, _kept(request.id)), NOT_RUN)
            messages.append(ModelMessage("tool", content, tool_call_id=request.id))
    return messages


def _replies(session_id: UUID, runs: Chains) -> list[_Reply]:
    steps = Step.objects.filter(
        session_id=session_id, run__parent=None, kind=StepKind.MODEL, copied_from=None, message__isnull=False
    ).order_by("message__position")
    return [
        _Reply(message_id, position, _root(runs, run_id), _scope(key), _requests(result))
        for message_id, position, run_id, key, result in steps.values_list(
            "message_id", "message__position", "run_id", "key", "result"
        )
        if message_id is not None
    ]


def _requests(result: dict[str, list[dict[str, str]]] | None) -> tuple[ToolRequest, ...]:
    return tuple(ToolRequest(**request) for request in (result or {}).get("tool_requests", ()))


def _results(session_id: UUID, runs: Chains, replies: Iterable[_Reply]) -> dict[tuple[UUID, str], str]:
    """Each call's result, by message and id. Servers use ids again: a call is of the last reply that asked for it."""
    asked: dict[tuple[UUID | None, str], list[_Reply]] = defaultdict(list)
    for reply in replies:
        for request in reply.requests:
            asked[reply.root, _kept(request.id)].append(reply)
    steps = Step.objects.filter(
        session_id=session_id, run__parent=None, kind=StepKind.TOOL, copied_from=None, status__in=STEP_ENDED
    ).order_by("position")
    results = {}
    for run_id, key, call_id, position, result in steps.values_list("run_id", "key", "call_id", "position", "result"):
        before = [reply for reply in asked[_root(runs, run_id), call_id] if reply.position < position]
        if before:
            reply = max(before, key=lambda reply: (_nearness(reply.scope, _scope(key)), reply.position))
            results[reply.message_id, call_id] = (result or {}).get("content", NOT_RUN)
    return results


def _scope(key: str) -> str:
    return key[: key.rfind("/") + 1]


def _nearness(asking: str, running: str) -> int:
    """How near to the branch that asked a call runs: in it, or in a branch of it."""
    return len(asking) if running.startswith(asking) else -1


def _kept(call_id: str) -> str:
    """As much of an id as a step keeps."""
    return call_id[:_ID_CHARACTERS]


def _root(runs: Chains, run_id: UUID | None) -> UUID | None:
    """The first run of a chain of retries: they share their calls."""
    while run_id is not None and runs.get(run_id) is not None:
        run_id = runs[run_id]
    return run_id
