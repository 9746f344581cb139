"""Read-only tables inside a page: what belongs to a session or a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from sessions_app.admin.base import EXCERPT, age, excerpt, link, money, seconds_between
from sessions_app.models import Event, Interaction, Message, Run, Session, Step
from sessions_app.types import DELTAS

MOST = 100
LONG = 3 * EXCERPT


@dataclass(frozen=True, slots=True)
class Table:
    """A titled table; `more` is the address of the whole list."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    more: str = ""


def list_address(model: type[Any], **lookups: Any) -> str:
    """The address of a list with a filter."""
    return f"{reverse(f'admin:{model._meta.app_label}_{model._meta.model_name}_changelist')}?{urlencode(lookups)}"


def steps_table(run: Run) -> Table:
    """What the run did, in order."""
    rows = [
        (
            link(step, step.key),
            step.tool or step.get_kind_display(),
            step.get_status_display(),
            excerpt(step.display.get("key_argument", "")),
            excerpt(_outcome(step), LONG),
            step.prompt_tokens + step.completion_tokens or "",
            seconds_between(step.started_at, step.ended_at),
        )
        for step in run.steps.order_by("position", "key")[:MOST]
    ]
    columns = ("Key", "What", "State", "Argument", "Outcome", "Tokens", "Took")
    return Table("Steps", columns, rows, list_address(Step, run__id__exact=run.pk))


def questions_table(interactions: QuerySet[Interaction], more: str) -> Table:
    """Questions with their answers."""
    rows = [
        (
            link(question, excerpt(question.message)),
            question.get_kind_display(),
            question.tool,
            question.get_status_display(),
            question.decision,
            question.answered_by or question.answered_via,
            age(question.created_at),
        )
        for question in interactions.select_related("answered_by").order_by("-position")[:MOST]
    ]
    return Table("Questions", ("Question", "Kind", "Tool", "State", "Decision", "By", "Age"), rows, more)


def events_table(run: Run) -> Table:
    """The journal of the run without its text, the newest first."""
    events = Event.objects.filter(session_id=run.session_id, run_id=run.pk).exclude(type__in=[str(t) for t in DELTAS])
    rows = [
        (link(event, str(event.seq)), event.type, event.subject, event.created_at.isoformat(" ", "milliseconds"))
        for event in events.defer("data").order_by("-seq")[:MOST]
    ]
    more = list_address(Event, session__id__exact=run.session_id, run_id__exact=run.pk)
    return Table("Journal", ("Seq", "Event", "Row", "Time (UTC)"), rows, more)


def runs_table(title: str, runs: QuerySet[Run], more: str) -> Table:
    """Runs, the newest first."""
    rows = [
        (
            link(run, excerpt(run.prompt_text)),
            run.agent or "",
            run.get_status_display(),
            run.get_wait_reason_display() or run.code,
            age(run.queued_at),
            seconds_between(run.started_at, run.ended_at),
            money(run.cost),
        )
        for run in runs.select_related("agent").defer("frozen", "text").order_by("-queued_at")[:MOST]
    ]
    return Table(title, ("Prompt", "Agent", "State", "Waits for, or code", "Age", "Took", "Cost"), rows, more)


def messages_table(session: Session) -> Table:
    """What was said last, the newest first."""
    messages = session.messages.defer("reasoning").order_by("-position")[:MOST]
    rows = [
        (
            link(message, excerpt(message.text, LONG)),
            message.author or message.get_role_display(),
            message.get_status_display(),
            age(message.created_at),
        )
        for message in messages
    ]
    return Table("Messages", ("Text", "By", "State", "Age"), rows, list_address(Message, session__id__exact=session.pk))


def _outcome(step: Step) -> str:
    result = step.result if isinstance(step.result, dict) else {}
    return str(result.get("content") or result.get("text") or result.get("sentence") or step.code)
