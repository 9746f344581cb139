"""What a person does in a session: say, stop, rename, delete, change what waits, take up a run, answer."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from agentsite.core.errors import AppError, InvalidError
from sessions_app import forms
from sessions_app.models import Interaction
from sessions_app.rendering.items import Draft, Item, describe_question
from sessions_app.representations import public_interaction
from sessions_app.selectors.conversations import get_interaction, get_message, get_run, get_session
from sessions_app.services import commands, messages, runs, sessions
from sessions_app.services.interactions import AnsweredError, answer_interaction
from sessions_app.types import Strategy
from sessions_app.views.door import back_to, is_htmx, page, user_of
from sessions_app.views.pages import session_context


@require_POST
@page
def send(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Say something. htmx gets the composer's place for problems, empty when all is well."""
    user, row = user_of(request), get_session(user_of(request), session_id)
    text = request.POST.get("starter") or forms.text_of(request.POST, "content")
    strategy, cmd_id = request.POST.get("strategy") or Strategy.ENQUEUE, request.POST.get("cmd_id", "")

    def action() -> dict[str, str]:
        run = messages.send_message(session_id=row.id, user=user, text=text, strategy=strategy)
        return {"run_id": str(run.id)}

    try:
        commands.once(user=user, cmd_id=cmd_id, action=action, name=f"chat/send {row.id}")
    except AppError as error:
        if is_htmx(request):
            problem = {"problem": error.message}
            return render(request, "chat/parts/composer_problem.html", problem, status=error.status_code)
        found = session_context(user, row, error.message, text, cmd_id)
        return render(request, "chat/session.html", found, status=error.status_code)
    return render(request, "chat/parts/composer_problem.html") if is_htmx(request) else redirect("chat", row.id)


@require_POST
@page
def stop(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Stop all that is on in a session."""
    row = get_session(user_of(request), session_id)
    runs.cancel_session(session_id=row.id, user=user_of(request))
    return back_to(request, "chat", row.id)


@require_POST
@page
def rename(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Give a session another name."""
    row = get_session(user_of(request), session_id)
    sessions.update_session(session_id=row.id, title=request.POST.get("title", ""))
    return back_to(request, "chat", row.id)


@require_POST
@page
def delete(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Delete a session with all that belongs to it."""
    row = get_session(user_of(request), session_id)
    sessions.delete_session(session_id=row.id, user=user_of(request))
    return back_to(request, "home")


@require_POST
@page
def edit_queued(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """Change a message that still waits, or take it back."""
    row = get_message(user_of(request), message_id)
    if request.POST.get("withdraw"):
        messages.withdraw_message(message_id=row.id, user=user_of(request))
    else:
        messages.edit_queued_message(message_id=row.id, text=forms.text_of(request.POST, "content"))
    return back_to(request, "chat", row.session_id)


@require_POST
@page
def take_up(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Retry or continue a run that has ended."""
    row = get_run(user_of(request), run_id)
    action = request.POST.get("action")
    if action not in ("retry", "continue"):
        raise InvalidError("Choose Retry or Continue.")
    if action == "retry":
        runs.retry_run(run_id=row.id)
    else:
        runs.continue_run(run_id=row.id)
    return back_to(request, "chat", row.session_id)


@require_POST
@page
def answer(request: HttpRequest, interaction_id: UUID) -> HttpResponse:
    """Answer a question. The card comes back: as a receipt, with what is wrong, or with the answer that was first."""
    row = get_interaction(user_of(request), interaction_id)
    try:
        given = forms.answer_of(row, request.POST)
        row = answer_interaction(
            interaction_id=row.id,
            user=user_of(request),
            decision=given.decision,
            arguments=given.arguments,
            reason=given.reason,
            values=given.values,
            scope=given.scope,
        )
    except AnsweredError as error:
        settled = get_interaction(user_of(request), interaction_id)
        return _card(request, settled, describe_question(public_interaction(settled), notice=error.message), error)
    except InvalidError as error:
        return _card(request, row, describe_question(public_interaction(row), _draft(request, error)), error)
    return _card(request, row, describe_question(public_interaction(row)))


def _draft(request: HttpRequest, error: InvalidError) -> Draft:
    return Draft(
        decision=request.POST.get("decision", ""),
        problem=error.message,
        values=forms.typed(request.POST),
        errors=error.details.get("fields", {}),
        reason=forms.text_of(request.POST, "reason"),
    )


def _card(request: HttpRequest, row: Interaction, item: Item, error: AppError | None = None) -> HttpResponse:
    """The card for htmx, put where its element is by then: the socket may have been faster. Else the page."""
    status = error.status_code if error else 200
    if is_htmx(request):
        fragment = render(request, item.template, {"item": item}, status=status)
        fragment["HX-Retarget"] = f"#{item.id}"
        return fragment
    if error is None:
        return redirect("chat", row.session_id)
    found = session_context(user_of(request), get_session(user_of(request), row.session_id))
    found["items"] = [item if shown.row["id"] == item.row["id"] else shown for shown in found["items"]]
    return render(request, "chat/session.html", found, status=status)
