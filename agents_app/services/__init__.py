"""Every write of engines, templates and agents."""

from agents_app.services.agents import sync_templates
from agents_app.services.defaults import ensure_defaults
from agents_app.services.engines import make_default, set_engine_key

__all__ = ["ensure_defaults", "make_default", "set_engine_key", "sync_templates"]
