"""Models behind an API: the reading of their streams, one module a provider, and the registry that maps them."""

from agents_app.engines.registry import EngineHealth, client_for, close_all, probe, try_engine, warm_up

__all__ = ["EngineHealth", "client_for", "close_all", "probe", "try_engine", "warm_up"]
