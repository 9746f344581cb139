"""What an operator does: stop, retry, answer, delete; each is shown before it is done."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client

from agentsite.access.models import User
from sessions_app.models import Interaction, Run, Session
from sessions_app.services.interactions import answer_interaction
from tests.support.scribe import Scribe

RUNS = "/admin/sessions_app/run/"
SESSIONS = "/admin/sessions_app/session/"
QUESTIONS = "/admin/sessions_app/interaction/"


def act(client: Client, page: str, action: str, *rows: Model, **more: Any) -> str:
    """Choose an action, as the list and the buttons of a page do."""
    choice = {"action": action, "_selected_action": [str(row.pk) for row in rows], **more}
    response = client.post(page, choice, follow=True)
    assert response.status_code == 200
    return str(response.content.decode())


def confirm(client: Client, page: str, action: str, *rows: Model, **more: Any) -> str:
    """Choose it and confirm it."""
    return act(client, page, action, *rows, confirmed="yes", **more)


def test_runs_are_stopped(desk: Client, scribe: Scribe, operator: User) -> None:
    scribe.ask()
    run = Run.objects.get()
    shown = act(desk, RUNS, "cancel_runs", run)
    assert "Hello" in shown
    assert "what they have said and done is kept" in shown
    run.refresh_from_db()
    assert run.status == "waiting"
    assert "Stopped: 1." in confirm(desk, RUNS, "cancel_runs", run)
    run.refresh_from_db()
    assert (run.status, run.cancelled_by) == ("cancelled", operator)
    assert Interaction.objects.get().status == "cancelled"
    assert "Had ended before: 1." in confirm(desk, RUNS, "cancel_runs", run)
    assert LogEntry.objects.filter(user=operator, object_id=str(run.pk)).count() == 2


def test_a_run_that_somebody_holds_is_asked_to_stop(desk: Client, scribe: Scribe) -> None:
    assert "Being stopped: 1." in confirm(desk, RUNS, "cancel_runs", Run.objects.get())
    assert Run.objects.get().status == "cancelling"


def test_failed_runs_are_retried(desk: Client, scribe: Scribe, bob: User) -> None:
    scribe.fail()
    other = Scribe.begin(bob)
    other.finish()
    failed, completed = Run.objects.get(status="failed"), Run.objects.get(status="completed")
    assert "no tool that ran runs again" in act(desk, RUNS, "retry_runs", failed, completed)
    told = confirm(desk, RUNS, "retry_runs", failed, completed)
    assert "Queued again: 1." in told
    assert "This run cannot retry." in told
    assert Run.objects.get(retry_of=failed).status == "queued"


def test_the_page_of_a_run_offers_what_can_be_done(desk: Client, scribe: Scribe) -> None:
    page = f"{RUNS}{scribe.held.run_id}/change/"
    running = desk.get(page).content.decode()
    assert 'value="cancel_runs"' in running
    assert 'value="retry_runs"' not in running
    scribe.fail()
    failed = desk.get(page).content.decode()
    assert 'value="cancel_runs"' not in failed
    assert 'value="retry_runs"' in failed


def test_a_call_is_approved_after_it_was_shown(desk: Client, scribe: Scribe, operator: User) -> None:
    question = scribe.ask()
    shown = act(desk, QUESTIONS, "answer_questions", question)
    for words in ("Run ls?", "The exact call of shell", "&quot;command&quot;: &quot;ls&quot;", "runs code", "alice"):
        assert words in shown
    for decision in ("approve", "reject"):
        assert f'<option value="{decision}">' in shown
    for decision in ("edit", "respond", "decline"):
        assert f'<option value="{decision}">' not in shown
    answer = {f"decision-{question.pk}": "approve"}
    assert "Approved: 1." in confirm(desk, QUESTIONS, "answer_questions", question, **answer)
    question.refresh_from_db()
    assert (question.status, question.decision, question.answered_by) == ("answered", "approve", operator)
    assert Run.objects.get().status == "queued"


def test_each_question_gets_its_own_answer(desk: Client, scribe: Scribe, bob: User) -> None:
    call, form, doubt = scribe.ask(), Scribe.begin(bob).ask_form(), Scribe.begin(bob).doubt()
    open_still = Scribe.begin(bob).ask()
    shown = act(desk, QUESTIONS, "answer_questions", call, form, doubt, open_still)
    assert "Only its owner can fill it in." in shown
    answers = {
        f"decision-{call.pk}": "reject",
        f"reason-{call.pk}": "Not on a Friday.",
        f"decision-{form.pk}": "decline",
        f"decision-{doubt.pk}": "skip",
        f"decision-{open_still.pk}": "",
    }
    told = confirm(desk, QUESTIONS, "answer_questions", call, form, doubt, open_still, **answers)
    for words in ("Rejected: 1.", "Declined: 1.", "Skipped: 1."):
        assert words in told
    decisions = {row.pk: row.decision for row in Interaction.objects.all()}
    assert decisions == {call.pk: "reject", form.pk: "decline", doubt.pk: "skip", open_still.pk: ""}
    call.refresh_from_db()
    assert call.answer == {"reason": "Not on a Friday."}


def test_whoever_is_second_is_told(desk: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    act(desk, QUESTIONS, "answer_questions", question)
    answer_interaction(interaction_id=question.id, user=scribe.owner, decision="reject")
    told = confirm(desk, QUESTIONS, "answer_questions", question, **{f"decision-{question.pk}": "approve"})
    assert "alice answered this first: reject." in told
    assert "None of these questions is open any more." in act(desk, QUESTIONS, "answer_questions", question)


@pytest.mark.parametrize("decision", ["edit", "submit", "<b>"])
def test_what_the_page_does_not_offer_is_refused(desk: Client, scribe: Scribe, decision: str) -> None:
    question = scribe.ask()
    told = confirm(desk, QUESTIONS, "answer_questions", question, **{f"decision-{question.pk}": decision})
    assert "This question takes one of" in told
    question.refresh_from_db()
    assert question.status == "pending"


def test_nothing_decided_changes_nothing(desk: Client, scribe: Scribe) -> None:
    question = scribe.ask()
    assert "still open" in confirm(desk, QUESTIONS, "answer_questions", question)
    question.refresh_from_db()
    assert question.status == "pending"


def test_sessions_are_stopped(desk: Client, scribe: Scribe) -> None:
    scribe.ask()
    scribe.send("And then?")
    act(desk, SESSIONS, "cancel_sessions", scribe.session)
    assert Run.objects.filter(ended_at=None).count() == 2
    assert "Stopped: 1." in confirm(desk, SESSIONS, "cancel_sessions", scribe.session)
    assert not Run.objects.filter(ended_at=None).exists()


def test_sessions_are_deleted_by_the_service_alone(desk: Client, scribe: Scribe, bob: User, operator: User) -> None:
    kept = Scribe.begin(bob)
    kept.finish()
    scribe.finish()
    assert "delete_selected" not in desk.get(SESSIONS).content.decode()
    assert "This cannot be undone." in act(desk, SESSIONS, "delete_sessions", scribe.session)
    assert Session.objects.count() == 2
    assert "Deleted: 1." in confirm(desk, SESSIONS, "delete_sessions", scribe.session)
    assert list(Session.objects.all()) == [kept.session]
    assert LogEntry.objects.filter(user=operator, object_id=str(scribe.session.pk), action_flag=3).exists()


def test_a_session_whose_run_is_on_is_kept(desk: Client, scribe: Scribe) -> None:
    assert "is being stopped" in confirm(desk, SESSIONS, "delete_sessions", scribe.session)
    assert Session.objects.filter(pk=scribe.session.pk).exists()


def test_who_may_only_look_does_nothing(scribe: Scribe, bob: User) -> None:
    question = scribe.ask()
    bob.is_staff = True
    bob.save()
    bob.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client = Client()
    client.force_login(bob)
    assert "answer_questions" not in client.get(QUESTIONS).content.decode()
    assert "answer_questions" not in client.get(f"{QUESTIONS}{question.pk}/change/").content.decode()
    assert "cancel_runs" not in client.get(f"{RUNS}{scribe.held.run_id}/change/").content.decode()
    assert "delete_sessions" not in client.get(f"{SESSIONS}{scribe.session.pk}/change/").content.decode()
    confirm(client, QUESTIONS, "answer_questions", question, **{f"decision-{question.pk}": "approve"})
    confirm(client, RUNS, "cancel_runs", Run.objects.get())
    confirm(client, SESSIONS, "delete_sessions", scribe.session)
    question.refresh_from_db()
    assert question.status == "pending"
    assert Run.objects.get().status == "waiting"
