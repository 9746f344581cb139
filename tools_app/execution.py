"""Runs a tool's command in the sandbox and words how it ended; shared by the tools that run code."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from tools_app.sandbox import Finished, SandboxError, run_sandboxed, status
from tools_app.types import ToolContext, ToolError, ToolOutput, ToolTimeoutError
from tools_app.workspace_files import redact_whole

_TOLD_CHARACTERS = 4_000
_STOPPED = {
    "output": ("tool_output_limit", "Stopped: it wrote more than 16 MiB of output. Write less, or to a file."),
    "disk": ("tool_disk_limit", "Stopped: the workspace is full (256 MiB, 20,000 files). Write less, or delete some."),
    "memory": ("tool_memory_limit", "Stopped: it used more than 1 GiB of memory. Do it in smaller parts."),
}


def sandbox_missing() -> str | None:
    """Why code cannot run on this machine, in the operator's words; None when it can."""
    state = status()
    return None if state.available else state.reason


async def execute(
    argv: Sequence[str],
    context: ToolContext,
    *,
    timeout_seconds: float,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> ToolOutput:
    """Run `argv` in the session's workspace. Any exit code is a result; raises ToolError when it was stopped."""
    try:
        finished = await run_sandboxed(
            argv,
            workspace=context.workspace,
            environment=environment or {},
            timeout_seconds=timeout_seconds,
            output=context.output,
            stdin=stdin,
            hidden=(settings.AGENTSITE.data_path,),
            output_path=f".agentsite/output-{context.step_id}.txt",
        )
    except SandboxError:
        raise ToolError("The sandbox could not start; the site's log has the details.", code="sandbox_failed") from None
    if finished.output_path and context.redact is not None:
        await asyncio.to_thread(redact_whole, context.workspace, finished.output_path, context.redact)
    return _worded(finished, timeout_seconds)


def _worded(finished: Finished, timeout_seconds: float) -> ToolOutput:
    data: dict[str, Any] = {"exit_code": finished.exit_code, "truncated": finished.truncated}
    if finished.output_path:
        data["output_path"] = finished.output_path
    if not finished.reason:
        return ToolOutput(_content(finished), data)
    data |= {"output": finished.output, "stopped": finished.reason}
    told = finished.output[-_TOLD_CHARACTERS:]
    told = f"\n\nIts last output:\n{told}" if told.strip() else ""
    if finished.reason == "timeout":
        raise ToolTimeoutError(timeout_seconds, told=told, data=data)
    code, sentence = _STOPPED[finished.reason]
    raise ToolError(f"{sentence}{told}", code=code, data=data)


def _content(finished: Finished) -> str:
    output = finished.output.rstrip("\n") or "(no output)"
    return output if finished.exit_code == 0 else f"{output}\n[exit code {finished.exit_code}]"
