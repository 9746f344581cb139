"""What there is to choose from: agents, kinds of agents, engines and tools. Read only: operators use the admin."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response

from agents_app import selectors, templates
from agents_app.models import Agent, Engine
from agents_app.templates import AgentTemplate
from agentsite.core.errors import NotFoundError
from sessions_app.api.base import Public, View
from sessions_app.api.documented import AgentRow, EngineRow, TemplateRow, ToolRow, listing
from tools_app import registry
from tools_app.types import Tool


def public_agent(agent: Agent) -> Public:
    """An agent as people may see it."""
    return {
        "id": str(agent.id),
        "slug": agent.slug,
        "name": agent.name,
        "description": agent.description,
        "template": agent.template_key,
        "tools": list(agent.tools),
        "is_default": agent.is_default,
    }


def public_template(template: AgentTemplate) -> Public:
    """A kind of agent, with the schema of its configuration."""
    return {
        "key": template.key,
        "title": template.title,
        "description": template.description,
        "version": template.version,
        "config_schema": template.Config.model_json_schema(),
    }


def public_engine(engine: Engine) -> Public:
    """An engine without its key."""
    return {
        "id": str(engine.id),
        "name": engine.name,
        "provider": engine.provider,
        "base_url": engine.base_url,
        "model": engine.model,
        "context_tokens": engine.context_tokens,
        "output_tokens": engine.output_tokens,
        "input_price": engine.input_price,
        "output_price": engine.output_price,
        "has_key": bool(engine.key_variable or engine.key_ciphertext),
        "enabled": engine.enabled,
        "is_default": engine.is_default,
    }


def public_tool(tool: Tool) -> Public:
    """A tool, and why it cannot be used here."""
    return {
        "name": tool.name,
        "description": tool.description,
        "effect": tool.effect.value,
        "risk": tool.risk.value,
        "risk_reason": tool.risk_reason,
        "default": tool.default.value,
        "timeout_seconds": tool.timeout_seconds,
        "parameters": registry.parameters(tool),
        "unavailable": tool.unavailable(),
    }


class AgentsView(View):
    """`/api/agents`."""

    @extend_schema(operation_id="agents_list", summary="List the agents", responses={200: listing(AgentRow)})
    def get(self, request: Request) -> Response:
        """The agents that may be chosen, the default one first."""
        return Response({"results": [public_agent(agent) for agent in selectors.list_agents()]})


class AgentView(View):
    """`/api/agents/<slug or id>`."""

    @extend_schema(operation_id="agents_show", summary="Show an agent", responses={200: AgentRow})
    def get(self, request: Request, name: str) -> Response:
        """One agent, by slug or id."""
        agent = selectors.find_agent(name)
        if agent is None:
            raise NotFoundError
        return Response(public_agent(agent))


class TemplatesView(View):
    """`/api/templates`."""

    @extend_schema(
        operation_id="templates_list", summary="List the kinds of agents", responses={200: listing(TemplateRow)}
    )
    def get(self, request: Request) -> Response:
        """The templates that are installed."""
        return Response({"results": [public_template(template) for template in templates.list_templates()]})


class EnginesView(View):
    """`/api/engines`."""

    permission_classes = (IsAdminUser,)

    @extend_schema(
        operation_id="engines_list", summary="List the engines (operators)", responses={200: listing(EngineRow)}
    )
    def get(self, request: Request) -> Response:
        """The models behind APIs that agents use."""
        return Response({"results": [public_engine(engine) for engine in Engine.objects.order_by("name")]})


class EngineView(View):
    """`/api/engines/<engine>`."""

    permission_classes = (IsAdminUser,)

    @extend_schema(operation_id="engines_show", summary="Show an engine (operators)", responses={200: EngineRow})
    def get(self, request: Request, engine_id: UUID) -> Response:
        """One engine."""
        engine = Engine.objects.filter(id=engine_id).first()
        if engine is None:
            raise NotFoundError
        return Response(public_engine(engine))


class ToolsView(View):
    """`/api/tools`."""

    @extend_schema(operation_id="tools_list", summary="List the tools", responses={200: listing(ToolRow)})
    def get(self, request: Request) -> Response:
        """The tools of this site, also those that cannot be used here."""
        return Response({"results": [public_tool(tool) for tool in registry.list_tools()]})
