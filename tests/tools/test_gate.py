"""The gate fails closed: no rule that forbids can widen, no rule that allows can override, silence is never consent."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentsite.core.ids import new_id
from tools_app.gate import EVERY_TOOL, Rule, decide
from tools_app.types import Decision

STRICTNESS = {Decision.ALLOW: 0, Decision.ASK: 1, Decision.DENY: 2}


def rule(action: str, layer: Any = "site", *, tool: str = "shell", waivable: bool = False, note: str = "") -> Rule:
    """A rule in force."""
    return Rule(new_id(), layer, tool, Decision(action), waivable, note)


rules = st.builds(
    rule,
    st.sampled_from(list(Decision)),
    st.sampled_from(["site", "session"]),
    tool=st.sampled_from(["shell", "python", EVERY_TOOL]),
    waivable=st.booleans(),
)
many = st.lists(rules, max_size=6)
defaults = st.sampled_from(list(Decision))


def word(found: list[Rule], default: Decision | None, *, interactive: bool = True) -> Decision:
    """The gate's word on a call of shell."""
    return decide(found, default, tool="shell", interactive=interactive).decision


@given(many, defaults, rules, st.booleans())
def test_adding_a_deny_never_widens(found: list[Rule], default: Decision, more: Rule, interactive: bool) -> None:
    deny = Rule(more.id, more.layer, more.tool, Decision.DENY, more.waivable)
    before = word(found, default, interactive=interactive)
    assert STRICTNESS[word([*found, deny], default, interactive=interactive)] >= STRICTNESS[before]


@given(many, defaults, st.sampled_from(["shell", EVERY_TOOL]), st.sampled_from(["site", "session"]))
def test_a_deny_holds_whatever_else_is_written(found: list[Rule], default: Decision, tool: str, layer: str) -> None:
    assert word([*found, rule("deny", layer, tool=tool)], default) is Decision.DENY
    assert word([rule("deny", layer, tool=tool), *found], default) is Decision.DENY


@given(many, defaults, rules)
def test_adding_an_allow_never_overrides_a_deny(found: list[Rule], default: Decision, more: Rule) -> None:
    allow = Rule(more.id, more.layer, more.tool, Decision.ALLOW, more.waivable)
    if any(each.action is Decision.DENY and each.tool in ("shell", EVERY_TOOL) for each in found):
        assert word([*found, allow], default) is Decision.DENY


@given(many, defaults, st.sampled_from(["deny", "ask"]))
def test_a_session_only_tightens_but_for_a_grant(found: list[Rule], default: Decision, action: str) -> None:
    firm = rule(action, "session")
    assert STRICTNESS[word([*found, firm], default)] >= STRICTNESS[word(found, default)]


@given(many, st.booleans())
def test_an_unknown_tool_is_never_allowed(found: list[Rule], interactive: bool) -> None:
    assert word(found, None, interactive=interactive) is Decision.DENY


@given(many, defaults)
def test_with_nobody_to_ask_an_ask_is_a_deny(found: list[Rule], default: Decision) -> None:
    asked = word(found, default)
    alone = decide(found, default, tool="shell", interactive=False)
    assert alone.decision is (Decision.DENY if asked is Decision.ASK else asked)
    assert (alone.source == "nobody") is (asked is Decision.ASK)


@given(many, defaults)
def test_a_grant_works_exactly_where_its_button_shows(found: list[Rule], default: Decision) -> None:
    without = [each for each in found if not each.is_grant]
    before = decide(without, default, tool="shell", interactive=True)
    after = decide([*without, rule("allow", "session")], default, tool="shell", interactive=True)
    if before.decision is Decision.ASK:
        assert (after.decision is Decision.ALLOW) is before.waivable
    else:
        assert after == before


@given(many, defaults)
def test_the_order_of_rules_does_not_matter(found: list[Rule], default: Decision) -> None:
    assert word(found, default) is word(found[::-1], default)


@given(many, defaults)
def test_rules_of_other_tools_do_not_matter(found: list[Rule], default: Decision) -> None:
    assert word(found, default) is word([each for each in found if each.tool != "python"], default)


@pytest.mark.parametrize(
    ("found", "default", "decision", "source", "waivable"),
    [
        ([], "allow", "allow", "default", False),
        ([], "ask", "ask", "default", True),
        ([], "deny", "deny", "default", False),
        ([rule("allow")], "ask", "allow", "rule", False),
        ([rule("allow")], "deny", "allow", "rule", False),
        ([rule("ask")], "allow", "ask", "rule", False),
        ([rule("ask"), rule("allow")], "allow", "ask", "rule", False),
        ([rule("ask", waivable=True)], "allow", "ask", "rule", True),
        ([rule("ask", waivable=True), rule("ask")], "allow", "ask", "rule", False),
        ([rule("ask", waivable=True), rule("allow", "session")], "ask", "allow", "grant", False),
        ([rule("ask"), rule("allow", "session")], "ask", "ask", "rule", False),
        ([rule("allow", "session")], "ask", "allow", "grant", False),
        ([rule("allow", "session")], "deny", "deny", "default", False),
        ([rule("allow", "session", tool="python")], "ask", "ask", "default", True),
        ([rule("deny", tool=EVERY_TOOL), rule("allow", "session")], "ask", "deny", "rule", False),
    ],
)
def test_who_decides(found: list[Rule], default: str, decision: str, source: str, waivable: bool) -> None:
    judgement = decide(found, Decision(default), tool="shell", interactive=True)
    assert (judgement.decision, judgement.source, judgement.waivable) == (decision, source, waivable)


def test_the_reason_is_the_note_of_the_rule() -> None:
    judgement = decide([rule("deny", note="audit week.")], Decision.ASK, tool="shell", interactive=True)
    assert judgement.reason == "A rule denies this tool: audit week."
