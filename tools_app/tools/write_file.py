"""Writes a file of the session's workspace."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from tools_app.diffs import unified_diff
from tools_app.types import Arguments, Decision, Display, Effect, Risk, Tool, ToolContext, ToolError, ToolOutput
from tools_app.workspace_files import read_whole, write_whole


class WriteFileArguments(Arguments):
    """A file and its whole content."""

    path: str = Field(description="The file's path in the workspace.", min_length=1, max_length=1_000)
    content: str = Field(description="The whole new content, at most 2 MiB.")


class WriteFile(Tool):
    """Puts a text at a path, in the place of what was there."""

    name = "write_file"
    description = (
        "Write a text file in this session's workspace, replacing what was there. Directories are made as needed."
    )
    arguments = WriteFileArguments
    effect = Effect.IDEMPOTENT
    risk = Risk.LOW
    risk_reason = "It writes one file of this session's own workspace."
    default = Decision.ALLOW
    timeout_seconds = 20.0

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """The path is what matters."""
        return Display(
            "file-plus", "Write file", str(arguments.get("path", "")), "Write a file of this session's workspace"
        )

    async def run(self, arguments: WriteFileArguments, context: ToolContext) -> ToolOutput:
        """Write it whole and show the change."""
        diff = await asyncio.to_thread(_write, context.workspace, arguments.path, arguments.content)
        size = len(arguments.content.encode("utf-8", "replace"))
        return ToolOutput(f"Wrote {size:,} bytes to {arguments.path}.", {"path": arguments.path, "diff": diff})


def _write(workspace: Path, path: str, content: str) -> str:
    try:
        before = read_whole(workspace, path)
    except ToolError as error:
        if error.code not in ("not_found", "too_large", "not_text", "not_permitted"):
            raise
        before = ""  # there is nothing that could be compared
    write_whole(workspace, path, content)
    return unified_diff(before, content, path)
