"""From a call as the model wrote it to a call as it is recorded: parsed, validated, judged by the gate."""

import json
from dataclasses import asdict
from typing import Any

from pydantic import ValidationError

from agents_app.types import ToolRequest
from agentsite.core.digest import digest
from agentsite.core.text import clean_json
from sessions_app.services.tool_steps import ToolPlan
from sessions_app.types import StepStatus
from tools_app import registry
from tools_app import services as tools
from tools_app.types import Arguments, Decision, Display, Subject, Tool

Outcome = tuple[StepStatus, str, str]


class _RefusedError(Exception):
    """The call ends before it begins."""

    def __init__(self, status: StepStatus, code: str, content: str) -> None:
        super().__init__(code)
        self.outcome: Outcome = (status, code, content)


def request_digest(request: ToolRequest) -> str:
    """What a call is: the tool and its raw arguments."""
    return digest("tool", request.name, request.arguments)


def shown_digest(tool: Tool, arguments: dict[str, Any]) -> str:
    """What a person is shown: tool, canonical arguments, and the version that its schema is."""
    return digest(tool.name, arguments, registry.parameters(tool))


def plan_call(key: str, request: ToolRequest, offered: frozenset[str], subject: Subject) -> ToolPlan:
    """One call, ready to be recorded.

    Reads the permission rules.
    """
    tool = registry.get_tool(request.name) if request.name in offered else None
    arguments: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    try:
        if tool is None:
            names = ", ".join(sorted(offered)) or "none"
            raise _RefusedError(StepStatus.FAILED, "unknown_tool", f"There is no such tool here. Tools: {names}.")
        arguments = _parsed(request)
        validated = _validated(tool, arguments)
        fields = _judged(tool, arguments, validated, subject)
    except _RefusedError as refused:
        fields = {"outcome": refused.outcome}
    display = tool.display(arguments) if tool else Display("tool", request.name, "", "")
    return ToolPlan(
        key=key,
        digest=request_digest(request),
        call_id=request.id,
        tool=request.name,
        arguments=arguments or {"raw": request.arguments[:2_000]} if fields.get("outcome") else arguments,
        effect=tool.effect if tool else "",
        display=asdict(display),
        timeout_seconds=tool.timeout_seconds if tool else 0.0,
        editable=tool.editable if tool else False,
        **fields,
    )


def _parsed(request: ToolRequest) -> dict[str, Any]:
    try:
        arguments = clean_json(json.loads(request.arguments or "{}"))
    except (ValueError, RecursionError):
        arguments = None
    if not isinstance(arguments, dict):
        sentence = "The arguments were not a complete JSON object, so nothing was run. Send the whole call again."
        raise _RefusedError(StepStatus.FAILED, "malformed_arguments", sentence)
    return arguments


def _validated(tool: Tool, arguments: dict[str, Any]) -> Arguments:
    try:
        return tool.arguments.model_validate(arguments)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise _RefusedError(StepStatus.FAILED, "invalid_arguments", f"Nothing was run. {problems}") from error


def _judged(tool: Tool, arguments: dict[str, Any], validated: Arguments, subject: Subject) -> dict[str, Any]:
    reason = tool.unavailable()
    if reason:
        raise _RefusedError(StepStatus.FAILED, "tool_unavailable", f"{tool.name} is switched off here: {reason}")
    if tool.kind == "question" and not subject.interactive:
        raise _RefusedError(StepStatus.DENIED, "nobody", "Nobody can be asked here. Go on without this answer.")
    verdict = tools.evaluate(tool=tool, arguments=arguments, subject=subject)
    fields: dict[str, Any] = {"verdict": verdict, "shown_digest": shown_digest(tool, arguments)}
    if verdict.decision is Decision.DENY:
        fields["outcome"] = (StepStatus.DENIED, "denied", f"Not allowed: {verdict.reason}")
    elif tool.kind == "question":
        question = tool.question(validated)
        fields |= {"schema": question.schema, "question": question.message}
    return fields
