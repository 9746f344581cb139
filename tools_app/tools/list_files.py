"""Lists the files of the session's workspace."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from tools_app.types import Arguments, Decision, Display, Effect, Risk, Tool, ToolContext, ToolOutput
from tools_app.workspace_files import LISTED, list_below


class ListFilesArguments(Arguments):
    """Where to look."""

    path: str = Field(
        default=".", description="A directory in the workspace; the whole workspace when left out.", max_length=1_000
    )


class ListFiles(Tool):
    """Everything below a directory, with sizes."""

    name = "list_files"
    description = "List the files of this session's workspace, or of one of its directories, with their sizes."
    arguments = ListFilesArguments
    effect = Effect.READ
    risk = Risk.LOW
    risk_reason = "It only lists this session's own files."
    default = Decision.ALLOW
    timeout_seconds = 20.0

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """The directory is what matters."""
        return Display(
            "folder", "List files", str(arguments.get("path", ".")), "List the files of this session's workspace"
        )

    async def run(self, arguments: ListFilesArguments, context: ToolContext) -> ToolOutput:
        """List them, a line each."""
        listing = await asyncio.to_thread(list_below, context.workspace, arguments.path)
        lines = [*listing.lines, f"[More than {LISTED:,}: name a directory.]"] if listing.more else listing.lines
        content = "\n".join(lines) or "(no files)"
        return ToolOutput(content, {"path": arguments.path, "files": len(listing.lines), "more": listing.more})
