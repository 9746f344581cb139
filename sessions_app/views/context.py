"""What the pages show beside the thread: the list of sessions by day, and the welcome of an agent."""

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import get_text_list

from agents_app.models import Agent
from agents_app.templates import Starter, get_template
from agentsite.access.models import User
from agentsite.core.ids import new_id
from sessions_app.models import Session
from sessions_app.selectors.conversations import list_sessions
from tools_app import registry
from tools_app.types import Decision

LISTED = 100
STARTERS = 4
# what it does → the keys; "Ctrl" reads ⌘ on a Mac
SHORTCUTS = (
    ("Search the sessions", ("Ctrl", "K")),
    ("New session", ("Ctrl", "Shift", "O")),
    ("Write to the agent", ("Shift", "Esc")),
    ("Send", ("Enter",)),
    ("New line", ("Shift", "Enter")),
    ("Your last message again, in an empty field", ("↑",)),
    ("Approve", ("Ctrl", "Alt", "Enter")),
    ("Reject", ("Ctrl", "Alt", "Backspace")),
    ("Close what is open", ("Esc",)),
    ("This sheet", ("Ctrl", "/")),
)


@dataclass(frozen=True, slots=True)
class Welcome:
    """The empty page of an agent: starters, and the tools that ask before they are used."""

    agent: Agent
    starters: list[Starter]
    asking: str


def sidebar(user: User, *, query: str = "", current: UUID | None = None) -> dict[str, Any]:
    """The list of sessions as its templates take it."""
    sessions = list(list_sessions(user, query)[:LISTED])
    days = [(day, list(entries)) for day, entries in groupby(sessions, key=_day)]
    return {"days": days, "query": query, "session_id": current, "shortcuts": SHORTCUTS}


def composer(text: str = "", cmd_id: str = "") -> dict[str, Any]:
    """What the composer's field needs; a command that failed keeps its id and its text."""
    return {
        "cmd_id": cmd_id or new_id(),
        "typed": text,
        "message_characters": settings.AGENTSITE.message_characters,
    }


def welcome(agent: Agent | None) -> Welcome | None:
    """How `agent` greets; None when there is none to greet."""
    if agent is None:
        return None
    tools = [tool for name in agent.tools if (tool := registry.get_tool(name)) and tool.unavailable() is None]
    template = get_template(agent.template_key)
    starters = template.starters(frozenset(tool.name for tool in tools)) if template else []
    asking = dict.fromkeys(tool.display({}).title for tool in tools if tool.default is Decision.ASK)
    return Welcome(agent, starters[:STARTERS], get_text_list(list(asking), "and"))


def _day(session: Session) -> str:
    """The heading under which a session is listed."""
    today = timezone.localdate()
    day: date = timezone.localdate(session.active_at)
    if day >= today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    if day > today - timedelta(days=7):
        return "The last seven days"
    return date_format(day, "F Y")
