"""The seam between the site and its agents: a template is a class, an agent a stored configuration of one.

A run works with what its first claim froze: `freeze` makes it plain JSON, `thaw` makes it usable again.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from agents_app.models import Agent
from agents_app.types import Limits, RunContext
from tools_app import registry
from tools_app.types import ToolSpec


@dataclass(frozen=True, slots=True)
class Starter:
    """A quiet card on the empty page: a title and the prompt that it sends."""

    title: str
    prompt: str


class AgentTemplate(ABC):
    """A kind of agent: `run` is plain async Python whose every effect goes through its context."""

    key: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    version: ClassVar[str]
    Config: ClassVar[type[BaseModel]]
    tools: ClassVar[tuple[str, ...] | None] = None
    """The tools of a new agent of this kind; None for all."""

    @abstractmethod
    def system_prompt(self, config: BaseModel, *, now: datetime, tools: Sequence[ToolSpec], agent_name: str) -> str:
        """What the model is told first; frozen at the run's first claim."""

    @abstractmethod
    async def run(self, ctx: RunContext) -> str | None:
        """Work on `ctx.prompt` and return the answer; None when the last reply was it.

        Raises RunFailedError and EngineError.
        """

    def limits(self, config: BaseModel) -> Limits:
        """What one run may spend."""
        return Limits()

    def starters(self, tools: frozenset[str]) -> list[Starter]:
        """Four prompts for the empty page that work with these tools."""
        return []


_templates: dict[str, AgentTemplate] = {}


def register(template: AgentTemplate) -> AgentTemplate:
    """Add a template; raises ValueError when its key is taken."""
    if template.key in _templates:
        raise ValueError(f"two templates are called {template.key!r}")
    _templates[template.key] = template
    return template


def get_template(key: str) -> AgentTemplate | None:
    """The template of this key."""
    return _templates.get(key)


def list_templates() -> list[AgentTemplate]:
    """All templates, by key."""
    return [_templates[key] for key in sorted(_templates)]


class TemplateMissingError(Exception):
    """An agent's template is not installed."""


@dataclass(frozen=True, slots=True)
class Thawed:
    """What a run works with."""

    template: AgentTemplate
    version: str
    agent_name: str
    config: BaseModel
    system_prompt: str
    tools: tuple[ToolSpec, ...]
    limits: Limits
    engine_id: str


def freeze(agent: Agent, *, now: datetime) -> dict[str, Any]:
    """All that a run of `agent` works with, as JSON. Raises TemplateMissingError, pydantic's ValidationError."""
    template = _installed(agent.template_key)
    config = template.Config.model_validate(agent.config)
    tools = registry.specs(agent.tools)
    return {
        "template": template.key,
        "version": template.version,
        "agent_name": agent.name,
        "config": config.model_dump(mode="json"),
        "system_prompt": template.system_prompt(config, now=now, tools=tools, agent_name=agent.name),
        "tools": [asdict(spec) for spec in tools],
        "limits": asdict(template.limits(config)),
        "engine_id": str(agent.engine_id or ""),
    }


def thaw(frozen: dict[str, Any]) -> Thawed:
    """What `freeze` made, usable. Raises TemplateMissingError."""
    template = _installed(frozen["template"])
    return Thawed(
        template=template,
        version=frozen["version"],
        agent_name=frozen["agent_name"],
        config=template.Config.model_validate(frozen["config"]),
        system_prompt=frozen["system_prompt"],
        tools=tuple(ToolSpec(**spec) for spec in frozen["tools"]),
        limits=Limits(**frozen["limits"]),
        engine_id=frozen["engine_id"],
    )


def _installed(key: str) -> AgentTemplate:
    template = _templates.get(key)
    if template is None:
        raise TemplateMissingError(f"The template {key!r} is not installed.")
    return template
