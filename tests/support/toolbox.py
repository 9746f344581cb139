"""Tools for stories: each call is counted in a log outside the database, as a real effect would be."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tools_app import registry
from tools_app.types import (
    Arguments,
    Decision,
    Display,
    Effect,
    Risk,
    Tool,
    ToolContext,
    ToolError,
    ToolOutput,
    ToolSpec,
)


class NoteArguments(Arguments):
    """What to note."""

    text: str
    seconds: float = 0.0


class Note(Tool):
    """Appends a line to a log: an effect that can be counted."""

    name = "note"
    description = "Write a line."
    arguments = NoteArguments
    secret_parameters = ("text",)

    def __init__(self, log: Path, name: str, effect: Effect, default: Decision) -> None:
        self.log = log
        self.name = name  # type: ignore[misc]
        self.effect = effect  # type: ignore[misc]
        self.default = default  # type: ignore[misc]
        self.risk = Risk.MEDIUM  # type: ignore[misc]

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """One line."""
        return Display("pencil", self.name, str(arguments.get("text", "")), f"Write a line with {self.name}")

    async def run(self, arguments: NoteArguments, context: ToolContext) -> ToolOutput:
        """Write the line, then take the asked time."""
        with self.log.open("a") as log:
            log.write(f"{self.name} {arguments.text} {context.idempotency_key}\n")
        context.output(f"noting {arguments.text}\n")
        if arguments.text == "fail":
            raise ToolError("It could not be noted.", code="not_noted")
        await asyncio.sleep(arguments.seconds)
        return ToolOutput(f"noted {arguments.text}", {"lines": 1})


@contextmanager
def toolbox(log: Path) -> Iterator[None]:
    """Offer `peek` (read), `put` (idempotent), `act` (unsafe, allowed) and `dare` (unsafe, asks) beside the site's own
    tools."""
    tools: dict[str, Tool] = {
        "peek": Note(log, "peek", Effect.READ, Decision.ALLOW),
        "put": Note(log, "put", Effect.IDEMPOTENT, Decision.ALLOW),
        "act": Note(log, "act", Effect.UNSAFE, Decision.ALLOW),
        "dare": Note(log, "dare", Effect.UNSAFE, Decision.ASK),
    }
    get_tool, specs = registry.get_tool, registry.specs

    def find(name: str) -> Tool | None:
        return tools.get(name) or get_tool(name)

    def describe(names: Any) -> list[ToolSpec]:
        own = [
            ToolSpec(name, tools[name].description, tools[name].arguments.model_json_schema())
            for name in names
            if name in tools
        ]
        return own + list(specs([name for name in names if name not in tools]))

    with patch.object(registry, "get_tool", find), patch.object(registry, "specs", describe):
        yield


def lines(log: Path) -> list[str]:
    """What was done, in order: tool and text."""
    return [" ".join(line.split()[:2]) for line in log.read_text().splitlines()] if log.exists() else []
