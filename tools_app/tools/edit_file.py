"""Changes one place in a file of the session's workspace."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from tools_app.diffs import unified_diff
from tools_app.types import Arguments, Decision, Display, Effect, Risk, Tool, ToolContext, ToolError, ToolOutput
from tools_app.workspace_files import read_whole, write_whole


class EditFileArguments(Arguments):
    """What stands there and what shall stand there."""

    path: str = Field(description="The file's path in the workspace.", min_length=1, max_length=1_000)
    old: str = Field(description="The text to replace, exactly as it is; it must occur once.", min_length=1)
    new: str = Field(description="The text to put in its place.")


class EditFile(Tool):
    """Replaces a text that occurs exactly once."""

    name = "edit_file"
    description = (
        "Replace one piece of text in a file of this session's workspace. The old text must occur exactly once."
    )
    arguments = EditFileArguments
    effect = Effect.UNSAFE
    risk = Risk.LOW
    risk_reason = "It changes one file of this session's own workspace."
    default = Decision.ALLOW
    timeout_seconds = 20.0

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """The path is what matters."""
        return Display(
            "file-pen", "Edit file", str(arguments.get("path", "")), "Change a file of this session's workspace"
        )

    async def run(self, arguments: EditFileArguments, context: ToolContext) -> ToolOutput:
        """Make the change and show it."""
        diff = await asyncio.to_thread(_edit, context.workspace, arguments.path, arguments.old, arguments.new)
        return ToolOutput(f"Changed {arguments.path}:\n{diff}", {"path": arguments.path, "diff": diff})


def _edit(workspace: Path, path: str, old: str, new: str) -> str:
    before = read_whole(workspace, path)
    count = before.count(old)
    if count == 0:
        raise ToolError(f"The old text does not occur in {path}. Read the file and copy it exactly.", code="no_match")
    if count > 1:
        raise ToolError(
            f"The old text occurs {count} times in {path}. Give more of what surrounds it.", code="many_matches"
        )
    after = before.replace(old, new)
    write_whole(workspace, path, after)
    return unified_diff(before, after, path)
