"""What a new site begins with: an engine from the environment, or the one that is built in, and an agent."""

from typing import Any

from django.conf import settings
from django.db import transaction

from agents_app.models import Agent, Engine
from agents_app.services.agents import create_default_agent, sync_templates
from agents_app.services.engines import make_default
from agents_app.templates import get_template
from agentsite.env import Environment

DEFAULT_TEMPLATE = "assistant"
OPENAI_MODEL = "gpt-5.4-mini"
BUILT_IN = Engine.Provider.REHEARSAL


@transaction.atomic
def ensure_defaults() -> None:
    """Make what is missing: template rows, an engine, an agent. What an operator made or changed stays as it is.

    An engine that the environment describes is also made later, as long as there is none but the built-in one.
    """
    sync_templates()
    if not Engine.objects.exclude(provider=BUILT_IN).exists():
        _ensure_engine(settings.AGENTSITE)
    template = get_template(DEFAULT_TEMPLATE)
    if template is not None and not Agent.objects.exists():
        create_default_agent(template=template)


def _ensure_engine(environment: Environment) -> None:
    described = engine_of(environment)
    if described is not None:
        make_default(engine=Engine.objects.create(**described))
    elif not Engine.objects.exists():
        make_default(engine=Engine.objects.create(**built_in_engine()))


def built_in_engine() -> dict[str, Any]:
    """The engine of a site that has no other; silence from it is meant, so it is noticed soon."""
    return {
        "name": "Rehearsal",
        "provider": BUILT_IN,
        "model": "rehearsal",
        "first_token_timeout_seconds": 10.0,
        "stall_timeout_seconds": 5.0,
    }


def engine_of(environment: Environment) -> dict[str, Any] | None:
    """The Engine that the variables describe: Azure, OpenAI or a compatible server, or Ollama; None for none."""
    if environment.azure_openai_endpoint and environment.azure_openai_deployment:
        return {
            "name": "Azure OpenAI",
            "provider": Engine.Provider.AZURE,
            "base_url": environment.azure_openai_endpoint,
            "model": environment.azure_openai_deployment,
            "api_version": environment.azure_openai_api_version,
            "key_variable": "AZURE_OPENAI_API_KEY",
        }
    if environment.openai_base_url:
        return {
            "name": "OpenAI-compatible",
            "base_url": environment.openai_base_url,
            "model": environment.openai_model,
            "key_variable": "OPENAI_API_KEY",
        }
    if environment.openai_api_key:
        model = environment.openai_model or OPENAI_MODEL
        return {"name": "OpenAI", "model": model, "key_variable": "OPENAI_API_KEY", "output_tokens": 16_384}
    if environment.ollama_host:
        url = environment.ollama_host.rstrip("/").removesuffix("/v1") + "/v1"
        return {"name": "Ollama", "base_url": url, "model": environment.openai_model}
    return None
