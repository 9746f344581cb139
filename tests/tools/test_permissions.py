"""Permissions as rows: what the gate finds, what Alice allows for her session, what nobody can change afterwards."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from agentsite.access.models import User
from agentsite.core.errors import ConflictError, NotFoundError
from agentsite.core.ids import new_id
from tools_app import services
from tools_app.models import AppendOnlyError, ToolDecision, ToolPermission
from tools_app.registry import get_tool
from tools_app.selectors import list_session_grants
from tools_app.types import Decision, Subject, Verdict

pytestmark = pytest.mark.django_db


def verdict(alice: User, session_id: UUID, tool: str = "shell", *, interactive: bool = True) -> Verdict:
    """The gate's word on a call of Alice's session."""
    found = get_tool(tool)
    assert found is not None
    subject = Subject(user_id=alice.pk, session_id=session_id, interactive=interactive)
    return services.evaluate(tool=found, arguments={"command": "id"}, subject=subject)


def grant(alice: User, session_id: UUID, interaction_id: UUID | None = None) -> ToolPermission:
    """Alice allows shell for her session."""
    return services.grant_for_session(
        session_id=session_id, tool="shell", interaction_id=interaction_id or new_id(), user_id=alice.pk
    )


def test_without_rules_code_asks_and_files_do_not(alice: User, session_id: UUID) -> None:
    asked = verdict(alice, session_id)
    assert (asked.decision, asked.waivable, asked.risk) == ("ask", True, "high")
    assert asked.risk_reason
    assert verdict(alice, session_id, "python").decision is Decision.ASK
    for name in ("read_file", "list_files", "write_file", "edit_file", "ask_user"):
        assert verdict(alice, session_id, name).decision is Decision.ALLOW


def test_the_gate_needs_one_query(
    alice: User, session_id: UUID, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        ToolPermission.objects.create(tool="*", action="allow", note=str(number))
    with django_assert_num_queries(1):
        assert verdict(alice, session_id).source == "rule"


def test_alice_allows_a_tool_for_her_session_only(alice: User, bob: User, session_id: UUID) -> None:
    permission = grant(alice, session_id)
    allowed = verdict(alice, session_id)
    assert (allowed.decision, allowed.source, allowed.rule_id) == ("allow", "grant", permission.id)
    assert verdict(bob, new_id()).decision is Decision.ASK
    assert verdict(alice, session_id, "python").decision is Decision.ASK
    assert list(list_session_grants(session_id)) == [permission]
    assert list(list_session_grants(new_id())) == []


def test_the_same_answer_grants_once(alice: User, session_id: UUID) -> None:
    interaction_id = new_id()
    assert grant(alice, session_id, interaction_id) == grant(alice, session_id, interaction_id)


def test_a_grant_ends(alice: User, session_id: UUID) -> None:
    permission = grant(alice, session_id)
    assert permission.expires_at is not None
    assert timedelta(hours=23) < permission.expires_at - timezone.now() < timedelta(hours=25)
    assert permission.state == "active"
    ToolPermission.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    permission.refresh_from_db()
    assert permission.state == "expired"
    assert verdict(alice, session_id).decision is Decision.ASK
    assert list(list_session_grants(session_id)) == []


def test_a_grant_is_taken_back_once(alice: User, session_id: UUID) -> None:
    permission = grant(alice, session_id)
    with pytest.raises(NotFoundError):
        services.revoke_permission(permission_id=permission.id, session_id=new_id())
    revoked = services.revoke_permission(permission_id=permission.id, session_id=session_id)
    assert revoked.state == "revoked"
    assert verdict(alice, session_id).decision is Decision.ASK
    with pytest.raises(ConflictError):
        services.revoke_permission(permission_id=permission.id)
    with pytest.raises(NotFoundError):
        services.revoke_permission(permission_id=new_id())


def test_a_grant_never_beats_a_deny(alice: User, session_id: UUID) -> None:
    grant(alice, session_id)
    deny = ToolPermission.objects.create(tool="*", action="deny", note="Audit")
    denied = verdict(alice, session_id)
    assert (denied.decision, denied.rule_id, denied.reason) == ("deny", deny.id, "A rule denies this tool: Audit.")


def test_with_nobody_to_ask_the_answer_is_no(alice: User, session_id: UUID) -> None:
    alone = verdict(alice, session_id, interactive=False)
    assert (alone.decision, alone.source) == ("deny", "nobody")
    grant(alice, session_id)
    assert verdict(alice, session_id, interactive=False).decision is Decision.ALLOW


@pytest.mark.parametrize("fields", [{"layer": "session"}, {"layer": "site", "session_id": new_id()}])
def test_a_rule_knows_where_it_holds(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        ToolPermission.objects.create(tool="shell", action="ask", **fields)


def test_a_forgotten_session_leaves_decisions_only(
    alice: User,
    session_id: UUID,
    workspace: Path,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    grant(alice, session_id)
    site_rule = ToolPermission.objects.create(tool="shell", action="ask")
    decision = decide(alice, session_id)
    (workspace / "file").write_text("x")
    with django_capture_on_commit_callbacks(execute=True):
        services.forget_session(session_id=session_id)
        assert workspace.exists()
    assert not workspace.exists()
    assert list(ToolPermission.objects.all()) == [site_rule]
    assert list(ToolDecision.objects.all()) == [decision]


def decide(alice: User, session_id: UUID) -> ToolDecision:
    """A decision on record."""
    return services.record_decision(
        run_id=new_id(),
        session_id=session_id,
        step_id=new_id(),
        user_id=alice.pk,
        tool="shell",
        arguments_digest="0" * 64,
        decision=Decision.ALLOW,
        source="person",
        reason="r" * 400,
        risk="high",
        decided_by_id=alice.pk,
    )


def test_a_decision_is_for_ever(alice: User, session_id: UUID) -> None:
    decision = decide(alice, session_id)
    assert len(decision.reason) == 300
    decision.decision = "deny"
    for attempt in (
        decision.save,
        decision.delete,
        ToolDecision.objects.all().delete,
        lambda: ToolDecision.objects.update(decision="deny"),
        lambda: ToolDecision.objects.bulk_update([decision], ["decision"]),
        lambda: ToolDecision.objects.update_or_create(id=decision.id, defaults={"decision": "deny"}),
    ):
        with pytest.raises(AppendOnlyError):
            attempt()
    assert ToolDecision.objects.get().decision == "allow"


def test_retention_takes_old_decisions_only(alice: User, session_id: UUID) -> None:
    decide(alice, session_id)
    assert ToolDecision.objects.delete_older_than(timezone.now() - timedelta(days=1)) == 0
    assert ToolDecision.objects.delete_older_than(timezone.now() + timedelta(days=1)) == 1
