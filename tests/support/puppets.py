"""Agents for stories: a puppet runs the program that its configuration names."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from pydantic import BaseModel

from agents_app.models import Agent
from agents_app.templates import AgentTemplate, register
from agents_app.types import RunContext
from tools_app.types import ToolSpec

Program = Callable[[RunContext], Awaitable[str | None]]
PROGRAMS: dict[str, Program] = {}


class PuppetConfig(BaseModel):
    """Which program."""

    program: str


class Puppet(AgentTemplate):
    """Runs a test's own program."""

    key = "puppet"
    title = "Puppet"
    description = "For tests."
    version = "1.0.0"
    Config = PuppetConfig

    def system_prompt(self, config: BaseModel, *, now: datetime, tools: Sequence[ToolSpec], agent_name: str) -> str:
        """Nothing."""
        return ""

    async def run(self, ctx: RunContext) -> str | None:
        """The program of the configuration."""
        assert isinstance(ctx.config, PuppetConfig)
        return await PROGRAMS[ctx.config.program](ctx)


register(Puppet())


def puppet(program: Program, *, tools: Sequence[str] = (), name: str = "") -> Agent:
    """An agent that runs `program`."""
    name = name or f"puppet-{program.__name__.replace('_', '-')}"
    PROGRAMS[name] = program
    return Agent.objects.create(
        slug=name, name=name, template_key="puppet", config={"program": name}, tools=list(tools)
    )
