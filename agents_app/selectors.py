"""Reads of agents and engines."""

from uuid import UUID

from agents_app.models import Agent, Engine
from agents_app.templates import Thawed
from agents_app.types import EngineError
from agentsite.core.rows import all_rows


def default_agent() -> Agent | None:
    """The agent of a session that names none."""
    return Agent.objects.filter(enabled=True).order_by("-is_default", "created_at").first()


def find_agent(name: str) -> Agent | None:
    """The enabled agent of this slug or id."""
    rows = Agent.objects.filter(enabled=True)
    try:
        return rows.filter(id=UUID(name)).first()
    except ValueError:
        return rows.filter(slug=name).first()


def list_agents() -> list[Agent]:
    """The agents that people may choose, the default one first."""
    return list(Agent.objects.filter(enabled=True).order_by("-is_default", "name"))


def engine_for(thawed: Thawed, name: str | None = None) -> Engine:
    """The engine named, else the run's own, else the default one. Raises EngineError (engine_missing)."""
    engines = [engine for engine in all_rows(Engine) if engine.enabled]
    wanted = (engine for engine in engines if (engine.name == name if name else str(engine.id) == thawed.engine_id))
    engine = next(wanted, None) or next((engine for engine in engines if engine.is_default), None)
    if engine is None:
        raise EngineError("engine_missing", "No engine is switched on. An operator can add one in the admin.")
    return engine
