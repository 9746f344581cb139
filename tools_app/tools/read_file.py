"""Reads a file of the session's workspace."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from tools_app.types import Arguments, Decision, Display, Effect, Risk, Tool, ToolContext, ToolOutput
from tools_app.workspace_files import read_lines


class ReadFileArguments(Arguments):
    """Which lines of which file."""

    path: str = Field(description="The file's path in the workspace.", min_length=1, max_length=1_000)
    start_line: int = Field(default=1, ge=1, description="The first line to read.")
    end_line: int | None = Field(default=None, ge=1, description="The last line to read; to the end when left out.")


class ReadFile(Tool):
    """Text of a file, 64 kB at a time."""

    name = "read_file"
    description = "Read a text file of this session's workspace, at most 64 kB at a time."
    arguments = ReadFileArguments
    effect = Effect.READ
    risk = Risk.LOW
    risk_reason = "It only reads this session's own files."
    default = Decision.ALLOW
    timeout_seconds = 20.0

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """The path is what matters."""
        return Display(
            "file-text", "Read file", str(arguments.get("path", "")), "Read a file of this session's workspace"
        )

    async def run(self, arguments: ReadFileArguments, context: ToolContext) -> ToolOutput:
        """Read whole lines; when there is more, say how to go on."""
        excerpt = await asyncio.to_thread(
            read_lines, context.workspace, arguments.path, arguments.start_line, arguments.end_line
        )
        content = excerpt.text or "(nothing there)"
        if excerpt.more:
            content += f"\n[There is more: read on with start_line={excerpt.last + 1}.]"
        data = {"path": arguments.path, "start_line": excerpt.first, "end_line": excerpt.last, "more": excerpt.more}
        return ToolOutput(content, data)
