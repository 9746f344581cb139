"""Questions are closed once: by the first answer, by their deadline, or with their run."""

from datetime import datetime
from typing import Any
from uuid import UUID

from agentsite.access.models import User
from agentsite.core.digest import digest
from agentsite.core.errors import ConflictError, InvalidError
from sessions_app.models import Interaction
from sessions_app.representations import public_interaction
from sessions_app.services import journal
from sessions_app.services.answers import checked_answer, store_secrets
from sessions_app.services.endings import cancel_run_rows, wake_run
from sessions_app.services.journal import Entry
from sessions_app.types import EventType, InteractionKind, InteractionStatus
from tools_app import registry
from tools_app import services as tools
from tools_app.types import Decision, Subject

GRANT_HOURS = 24


class AnsweredError(ConflictError):
    """Somebody was faster, or the time was up; `details["interaction"]` tells what counts."""

    code = "already_resolved"


def answer_interaction(
    *,
    interaction_id: UUID,
    user: User,
    decision: str,
    arguments: Any = None,
    reason: str = "",
    values: Any = None,
    scope: str = "once",
) -> Interaction:
    """Close a question with a person's decision; the first answer wins.

    `scope="session"` with approve also allows the tool for the rest of the session. Raises AnsweredError,
    DecisionError, FieldsError and InvalidError (a grant that is not offered, arguments that a rule denies).
    """
    session_id = Interaction.objects.values_list("session_id", flat=True).get(id=interaction_id)
    with journal.writing(session_id, "interaction.answer") as entry:
        interaction = _locked(interaction_id)
        late = interaction.expires_at is not None and interaction.expires_at <= entry.now
        if interaction.status == InteractionStatus.PENDING and late:
            _close(entry, interaction, InteractionStatus.EXPIRED, "", {}, None, "timeout")
        elif interaction.status == InteractionStatus.PENDING:
            answer = checked_answer(interaction, decision, arguments=arguments, reason=reason, values=values)
            _check_effects(interaction, decision, answer, user, scope)
            if "values" in answer:
                answer["values"] = store_secrets(interaction, answer["values"])
            _close(entry, interaction, InteractionStatus.ANSWERED, decision, answer, user, "person")
            _follow_up(entry, interaction, decision, scope, user)
            return interaction
    raise AnsweredError(_already(interaction), details={"interaction": public_interaction(interaction)})


def expire_interaction(*, interaction_id: UUID, now: datetime) -> bool:
    """Close a question whose deadline has passed; False when it was closed already or has time left."""
    session_id = Interaction.objects.values_list("session_id", flat=True).get(id=interaction_id)
    with journal.writing(session_id, "interaction.answer") as entry:
        interaction = _locked(interaction_id)
        if (
            interaction.status != InteractionStatus.PENDING
            or not interaction.expires_at
            or interaction.expires_at > now
        ):
            return False
        _close(entry, interaction, InteractionStatus.EXPIRED, "", {}, None, "timeout")
    return True


def _locked(interaction_id: UUID) -> Interaction:
    rows = Interaction.objects.select_for_update(of=("self",)).select_related("answered_by", "run", "run__session")
    return rows.get(id=interaction_id)


def _close(
    entry: Entry,
    interaction: Interaction,
    status: InteractionStatus,
    decision: str,
    answer: dict[str, Any],
    user: User | None,
    via: str,
) -> None:
    changed = Interaction.objects.filter(id=interaction.id, status=InteractionStatus.PENDING).update(
        status=status, decision=decision, answer=answer, answered_by=user, answered_via=via, answered_at=entry.now
    )
    if changed != 1:
        raise AnsweredError("Somebody answered this a moment ago.")
    interaction.refresh_from_db(from_queryset=Interaction.objects.select_related("answered_by", "run", "run__session"))
    entry.tell_interaction(EventType.INTERACTION_RESOLVED, interaction)
    if interaction.tool and interaction.kind == InteractionKind.CONFIRMATION:
        _record(interaction, decision, answer, user)
    wake_run(entry, interaction.run_id)


def _record(interaction: Interaction, decision: str, answer: dict[str, Any], user: User | None) -> None:
    allowed = decision in ("approve", "edit")
    tools.record_decision(
        run_id=interaction.run_id,
        session_id=interaction.session_id,
        step_id=interaction.step_id,
        user_id=interaction.run.session.owner_id,
        tool=interaction.tool,
        arguments_digest=digest(answer.get("arguments", interaction.arguments)),
        decision=Decision.ALLOW if allowed else Decision.DENY,
        source="person" if user else "timeout",
        reason=decision or "No answer in time.",
        risk=interaction.risk,
        decided_by_id=user.pk if user else None,
    )


def _check_effects(interaction: Interaction, decision: str, answer: dict[str, Any], user: User, scope: str) -> None:
    """Only deny is checked again for what an editor wrote: submitting it is the yes."""
    if scope not in ("once", "session"):
        raise InvalidError('`scope` is "once" or "session".', details={"field": "scope"})
    if scope == "session" and not (decision == "approve" and interaction.grantable):
        raise InvalidError(
            "This call cannot be allowed for the whole session; approve it once.", details={"field": "scope"}
        )
    if decision != "edit":
        return
    tool = registry.get_tool(interaction.tool)
    subject = Subject(user_id=user.pk, session_id=interaction.session_id, agent_id=interaction.run.agent_id)
    if (
        tool is not None
        and tools.evaluate(tool=tool, arguments=answer["arguments"], subject=subject).decision is Decision.DENY
    ):
        raise InvalidError("A rule of this site denies the edited call.", details={"field": "arguments"})


def _follow_up(entry: Entry, interaction: Interaction, decision: str, scope: str, user: User) -> None:
    if scope == "session":
        tools.grant_for_session(
            session_id=interaction.session_id,
            tool=interaction.tool,
            interaction_id=interaction.id,
            user_id=user.pk,
            hours=GRANT_HOURS,
        )
    if decision == "stop":
        interaction.run.refresh_from_db()
        cancel_run_rows(entry, interaction.run, user)


def _already(interaction: Interaction) -> str:
    if interaction.answered_via == "timeout":
        return "The time for this answer was up."
    if interaction.answered_via == "cancel":
        return "Its run was stopped."
    who = interaction.answered_by.get_username() if interaction.answered_by else "somebody"
    return f"{who} answered this first: {interaction.decision}."
