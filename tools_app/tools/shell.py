"""Runs a shell command in the session's workspace."""

import os
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from tools_app.execution import execute, sandbox_missing
from tools_app.types import Arguments, Display, Effect, Risk, Tool, ToolContext, ToolOutput

_ARGUMENT_BYTES = 120_000  # the kernel takes 128 KiB in one argument
_BASH = "/bin/bash"


class ShellArguments(Arguments):
    """A command line and its environment."""

    command: str = Field(description="The command, as bash reads it. It starts in the workspace.", min_length=1)
    env: dict[str, str] = Field(
        default_factory=dict,
        description="Environment variables for the command. The only place where ⟨secret:name⟩ becomes the secret.",
    )

    @field_validator("command")
    @classmethod
    def _fits(cls, command: str) -> str:
        if "\0" in command or len(command.encode("utf-8", "replace")) > _ARGUMENT_BYTES:
            raise ValueError("a command holds no NUL and at most 120,000 bytes; put a longer script in a file")
        return command

    @field_validator("env")
    @classmethod
    def _can_be_set(cls, env: dict[str, str]) -> dict[str, str]:
        for name, value in env.items():
            if not (name.isascii() and name.isidentifier()) or "\0" in value:
                raise ValueError("names of variables are letters, digits and underscores; values hold no NUL")
        return env


class Shell(Tool):
    """Any command, without network, with the workspace as its only writable place."""

    name = "shell"
    description = (
        "Run a command with bash in this session's workspace. There is no network, and only the workspace and /tmp can "
        "be written. Files in the workspace stay; processes end with the call."
    )
    arguments = ShellArguments
    effect = Effect.UNSAFE
    risk = Risk.HIGH
    risk_reason = "It can change or delete every file of this session's workspace."
    timeout_seconds = 60.0
    secret_parameters = ("env",)

    def unavailable(self) -> str | None:
        """It needs the sandbox."""
        return sandbox_missing()

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """The command is what matters."""
        return Display(
            "terminal", "Shell", str(arguments.get("command", "")), "Run a command in this session's workspace"
        )

    async def run(self, arguments: ShellArguments, context: ToolContext) -> ToolOutput:
        """Run it; its exit code is part of the result."""
        shell = _BASH if os.access(_BASH, os.X_OK) else "/bin/sh"
        return await execute(
            [shell, "-c", arguments.command], context, timeout_seconds=self.timeout_seconds, environment=arguments.env
        )
