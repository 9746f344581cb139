"""Runs Python code in the session's workspace."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from tools_app.execution import execute, sandbox_missing
from tools_app.sandbox import interpreter
from tools_app.types import Arguments, Display, Effect, Risk, Tool, ToolContext, ToolOutput


class PythonArguments(Arguments):
    """A program."""

    code: str = Field(description="The program. What it prints is the result.", min_length=1, max_length=500_000)


class Python(Tool):
    """A Python program with the standard library, in the sandbox."""

    name = "python"
    description = (
        "Run a Python 3 program in this session's workspace and get what it prints. Only the standard library is sure "
        "to be there; there is no network. Each call is a new process: variables go, files in the workspace stay."
    )
    arguments = PythonArguments
    effect = Effect.UNSAFE
    risk = Risk.MEDIUM
    risk_reason = "It can change the files of this session's workspace."
    timeout_seconds = 60.0

    def unavailable(self) -> str | None:
        """It needs the sandbox."""
        return sandbox_missing()

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """The code is what matters."""
        return Display("code", "Python", str(arguments.get("code", "")), "Run Python code in this session's workspace")

    async def run(self, arguments: PythonArguments, context: ToolContext) -> ToolOutput:
        """Run it from standard input, so that it needs no file; its exit code is part of the result."""
        code = arguments.code.encode("utf-8", "replace")
        return await execute([interpreter(), "-"], context, timeout_seconds=self.timeout_seconds, stdin=code)
