"""The pages themselves: home, a new session, a session with its thread, the list of sessions."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from agents_app import selectors as agents
from agents_app.models import Agent
from agentsite.access.models import User
from agentsite.core.errors import AppError, NotFoundError
from sessions_app.forms import text_of
from sessions_app.models import Session
from sessions_app.rendering.export import file_name, session_to_json, session_to_markdown
from sessions_app.rendering.items import list_items
from sessions_app.rendering.regions import surroundings
from sessions_app.selectors import journal
from sessions_app.selectors.conversations import get_session, list_sessions
from sessions_app.services import commands
from sessions_app.services.messages import begin_session
from sessions_app.views import context
from sessions_app.views.door import is_htmx, page, user_of


@require_GET
@page
def home(request: HttpRequest) -> HttpResponse:
    """To the last session, or to a first one."""
    last = list_sessions(user_of(request)).values_list("id", flat=True).first()
    return redirect("chat", last) if last else redirect("chat-new")


@require_http_methods(["GET", "POST"])
@never_cache
@page
def new(request: HttpRequest) -> HttpResponse:
    """An empty page with an agent; the first message makes the session."""
    user = user_of(request)
    wanted = request.POST.get("agent") or request.GET.get("agent") or ""
    agent = (agents.find_agent(wanted) if wanted else None) or agents.default_agent()
    if request.method == "GET":
        return _new_page(request, agent)
    text = request.POST.get("starter") or text_of(request.POST, "content")
    cmd_id = request.POST.get("cmd_id", "")

    def action() -> dict[str, str]:
        run = begin_session(owner=user, agent=agent, text=text)
        return {"session_id": str(run.session_id)}

    try:
        made = commands.once(user=user, cmd_id=cmd_id, action=action, name="chat/new")
    except AppError as error:
        return _new_page(request, agent, error, text)
    return redirect("chat", UUID(made["session_id"]))


@require_GET
@never_cache
@page
def session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """A session: its thread, or with `?before=` an earlier part of it."""
    row = get_session(user_of(request), session_id)
    before = request.GET.get("before", "")
    if before.isascii() and before.isdigit():
        return _earlier(request, row, int(before))
    return render(request, "chat/session.html", session_context(user_of(request), row))


@require_GET
@never_cache
@page
def session_list(request: HttpRequest) -> HttpResponse:
    """The sessions that a search finds: the sidebar's list for htmx, else a page."""
    user, query = user_of(request), request.GET.get("q", "").strip()[:200]
    if not is_htmx(request):
        return render(request, "chat/sessions.html", context.sidebar(user, query=query))
    found = context.sidebar(user, query=query, current=_uuid(request.GET.get("current", "")))
    if found["session_id"]:
        found["around"] = surroundings(journal.snapshot(get_session(user, found["session_id"]).id, messages=1))
    return render(request, "chat/parts/session_list.html", found)


@require_GET
@never_cache
@page
def export(request: HttpRequest, session_id: UUID, form: str) -> HttpResponse:
    """The whole session as a file, `md` or `json`."""
    user = user_of(request)
    row = get_session(user, session_id)
    if form not in ("md", "json"):
        raise NotFoundError
    state = journal.snapshot(row.id, messages=None)
    response: HttpResponse
    if form == "json":
        response = JsonResponse(session_to_json(state), json_dumps_params={"indent": 2, "ensure_ascii": False})
    else:
        markdown = session_to_markdown(state, user.get_username())
        response = HttpResponse(markdown, content_type="text/markdown; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name(row.title, form)}"'
    return response


def session_context(user: User, row: Session, problem: str = "", text: str = "", cmd_id: str = "") -> dict[str, Any]:
    """All that a session's page shows; after a refused message also the text and the reason."""
    state = journal.snapshot(row.id)
    items = list_items(state)
    return {
        "around": surroundings(state),
        "items": items,
        "seq": state["seq"],
        "before": state["before"],
        "follows": True,
        "socket_path": f"/ws/chat/{row.id}/",
        "welcome": None if items else context.welcome(row.agent or agents.default_agent()),
        "problem": problem,
        **context.composer(text, cmd_id),
        **context.sidebar(user, current=row.id),
    }


def _earlier(request: HttpRequest, row: Session, before: int) -> HttpResponse:
    state = journal.snapshot(row.id, before=before)
    found = {
        "around": surroundings(journal.snapshot(row.id, messages=1)),
        "items": list_items(state),
        "before": state["before"],
    }
    if is_htmx(request):
        return render(request, "chat/parts/older_items.html", found)
    return render(request, "chat/session.html", {**found, **context.sidebar(user_of(request), current=row.id)})


def _new_page(request: HttpRequest, agent: Agent | None, error: AppError | None = None, text: str = "") -> HttpResponse:
    found = {
        "welcome": context.welcome(agent),
        "agents": agents.list_agents(),
        "is_new": True,
        "problem": error.message if error else "",
        **context.composer(text, request.POST.get("cmd_id", "")),
        **context.sidebar(user_of(request)),
    }
    return render(request, "chat/new.html", found, status=error.status_code if error else 200)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
