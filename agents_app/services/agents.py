"""Writes of templates and agents."""

from django.db import transaction

from agents_app.models import Agent, TemplateVersion
from agents_app.templates import AgentTemplate, list_templates
from tools_app import registry


@transaction.atomic
def sync_templates() -> list[TemplateVersion]:
    """Write a row for each version of a template that has none yet; returns the new rows."""
    made = []
    for template in list_templates():
        about = {
            "title": template.title,
            "description": template.description,
            "config_schema": template.Config.model_json_schema(),
        }
        row, new = TemplateVersion.objects.get_or_create(key=template.key, version=template.version, defaults=about)
        if new:
            made.append(row)
    return made


@transaction.atomic
def create_default_agent(*, template: AgentTemplate) -> Agent:
    """The agent of a new site."""
    tools = template.tools if template.tools is not None else [tool.name for tool in registry.list_tools()]
    return Agent.objects.create(
        slug=template.key,
        name=template.title,
        description=template.description,
        template_key=template.key,
        tools=list(tools),
        is_default=True,
    )
