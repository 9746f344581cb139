"""The kinds of agents that come with the site, one a file."""

from agents_app.catalog.assistant import Assistant
from agents_app.templates import AgentTemplate


def templates() -> list[AgentTemplate]:
    """One instance of each."""
    return [Assistant()]
