"""What an operator does with permissions and decisions in the admin."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from agentsite.access.models import User
from agentsite.core.ids import new_id
from tests.tools.test_permissions import decide, grant
from tools_app.models import ToolPermission

PERMISSIONS = "/admin/tools_app/toolpermission/"
DECISIONS = "/admin/tools_app/tooldecision/"


@pytest.fixture
def desk(client: Client, operator: User) -> Client:
    """The operator's browser."""
    client.force_login(operator)
    return client


def test_an_operator_writes_a_rule(desk: Client, operator: User) -> None:
    sent = desk.post(f"{PERMISSIONS}add/", {"tool": "shell", "action": "deny", "layer": "site", "note": "Audit"})
    assert sent.status_code == 302, sent.context["errors"]
    rule = ToolPermission.objects.get()
    assert (rule.tool, rule.action, rule.created_by_id) == ("shell", "deny", operator.pk)
    assert "olga" in desk.get(PERMISSIONS).content.decode()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"layer": "session"}, "Name the session"),
        ({"session_id": str(new_id())}, "names no session"),
        ({"waivable": "on"}, "can be waived"),
        ({"tool": "no_such_tool"}, "Select a valid choice"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_in_words(desk: Client, fields: dict[str, str], words: str) -> None:
    sent = desk.post(f"{PERMISSIONS}add/", {"tool": "*", "action": "deny", "layer": "site", **fields})
    assert words in sent.content.decode()
    assert not ToolPermission.objects.exists()


def test_an_operator_takes_a_grant_back(desk: Client, alice: User, session_id: UUID) -> None:
    permission = grant(alice, session_id)
    choice = {"action": "revoke", "_selected_action": [str(permission.id)]}
    assert "Taken back: 1." in desk.post(PERMISSIONS, choice, follow=True).content.decode()
    permission.refresh_from_db()
    assert permission.state == "revoked"
    assert "taken back before" in desk.post(PERMISSIONS, choice, follow=True).content.decode()
    assert desk.post(f"{PERMISSIONS}{permission.id}/delete/").status_code == 403


def test_a_rule_of_a_tool_that_is_gone_can_still_be_read(desk: Client) -> None:
    rule = ToolPermission.objects.create(tool="old_tool", action="ask")
    assert "old_tool (not installed)" in desk.get(f"{PERMISSIONS}{rule.id}/change/").content.decode()


def test_rules_are_found_by_their_state(desk: Client, alice: User, session_id: UUID) -> None:
    past = timezone.now() - timedelta(hours=1)
    ToolPermission.objects.create(tool="shell", action="ask", note="holds now")
    ToolPermission.objects.create(tool="shell", action="ask", note="ran out", expires_at=past)
    ToolPermission.objects.create(tool="shell", action="ask", note="was taken", revoked_at=past)
    for state, note in (("active", "holds now"), ("expired", "ran out"), ("revoked", "was taken")):
        page = desk.get(PERMISSIONS, {"state": state}).content.decode()
        assert [each for each in ("holds now", "ran out", "was taken") if each in page] == [note]


def test_decisions_are_read_only_and_found(desk: Client, alice: User, session_id: UUID) -> None:
    decision = decide(alice, session_id)
    assert "alice" in desk.get(DECISIONS, {"person": "yes", "q": str(session_id)}).content.decode()
    assert "0 tool decisions" in desk.get(DECISIONS, {"person": "no"}).content.decode()
    page = desk.get(f"{DECISIONS}{decision.id}/change/").content.decode()
    assert 'name="_save"' not in page
    assert desk.post(f"{DECISIONS}{decision.id}/change/", {"decision": "deny"}).status_code == 403
    assert desk.post(f"{DECISIONS}{decision.id}/delete/").status_code == 403
    assert desk.get(f"{DECISIONS}add/").status_code == 403


def test_lists_cost_the_same_however_long(
    desk: Client, alice: User, session_id: UUID, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(30):
        decide(alice, session_id)
        grant(alice, new_id())
    for page in (PERMISSIONS, DECISIONS):
        with django_assert_max_num_queries(12):
            assert desk.get(page).status_code == 200


def test_bob_sees_nothing_of_it(client: Client, bob: User) -> None:
    client.force_login(bob)
    for page in (PERMISSIONS, DECISIONS):
        assert client.get(page).status_code == 302
