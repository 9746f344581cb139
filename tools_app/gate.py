"""The gate's judgement, without a database: which of the rules that apply decides one call.

Deny, then ask, then allow, over the rules of the site, then the default of the tool; then the rules of the session,
which can only tighten. An "allow" of the session layer is a grant, a person's "allow for this session": it answers an
ask and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from tools_app.types import Decision

EVERY_TOOL = "*"


@dataclass(frozen=True, slots=True)
class Rule:
    """A permission in force that applies to the session of the call."""

    id: UUID
    layer: Literal["site", "session"]
    tool: str
    action: Decision
    waivable: bool = False
    note: str = ""

    @property
    def is_grant(self) -> bool:
        """Whether it is a person's "allow for this session"."""
        return self.layer == "session" and self.action is Decision.ALLOW


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say. `source` is rule, grant, default or nobody; `rule` decided, None for the default."""

    decision: Decision
    reason: str
    source: str
    rule: Rule | None = None
    waivable: bool = False


def decide(rules: Sequence[Rule], default: Decision | None, *, tool: str, interactive: bool) -> Judgement:
    """Judge one call. `default` is the tool's own, None for a tool that does not exist, which is never allowed."""
    applying = [rule for rule in rules if rule.tool in (tool, EVERY_TOOL)]
    if default is None:
        return Judgement(Decision.DENY, "There is no such tool.", "default")
    judgement = _by_site(applying) or _by_default(default)
    judgement = _by_session(applying, judgement)
    if judgement.decision is Decision.ASK and judgement.waivable:
        judgement = _by_grant(applying) or judgement
    if judgement.decision is Decision.ASK and not interactive:
        return Judgement(Decision.DENY, f"{judgement.reason} Nobody can be asked here.", "nobody", judgement.rule)
    return judgement


def _by_site(rules: Sequence[Rule]) -> Judgement | None:
    found = [rule for rule in rules if rule.layer == "site"]
    return _denied(found) or _asked(found) or _allowed(found)


def _by_session(rules: Sequence[Rule], judgement: Judgement) -> Judgement:
    """What the session makes of the site's word: stricter or the same, so an ask does not soften a deny."""
    if judgement.decision is Decision.DENY:
        return judgement
    found = [rule for rule in rules if rule.layer == "session"]
    is_firm = judgement.decision is Decision.ASK and not judgement.waivable
    return _denied(found) or (judgement if is_firm else _asked(found) or judgement)


def _denied(rules: Sequence[Rule]) -> Judgement | None:
    for rule in rules:
        if rule.action is Decision.DENY:
            return Judgement(Decision.DENY, _reason("A rule denies this tool", rule), "rule", rule)
    return None


def _asked(rules: Sequence[Rule]) -> Judgement | None:
    asking = [rule for rule in rules if rule.action is Decision.ASK]
    firm = [rule for rule in asking if not rule.waivable]
    for rule in firm or asking:
        return Judgement(Decision.ASK, _reason("A rule asks before this tool runs", rule), "rule", rule, not firm)
    return None


def _allowed(rules: Sequence[Rule]) -> Judgement | None:
    for rule in rules:
        if rule.action is Decision.ALLOW:
            return Judgement(Decision.ALLOW, _reason("A rule allows this tool", rule), "rule", rule)
    return None


def _by_default(default: Decision) -> Judgement:
    reasons = {
        Decision.ALLOW: "This tool is allowed unless a rule says otherwise.",
        Decision.ASK: "This tool asks before it runs.",
        Decision.DENY: "This tool is off unless a rule allows it.",
    }
    return Judgement(default, reasons[default], "default", waivable=default is Decision.ASK)


def _by_grant(rules: Sequence[Rule]) -> Judgement | None:
    for rule in rules:
        if rule.is_grant:
            return Judgement(Decision.ALLOW, "Allowed for this session by a person.", "grant", rule)
    return None


def _reason(sentence: str, rule: Rule) -> str:
    note = rule.note.strip().rstrip(".")
    return f"{sentence}: {note}." if note else f"{sentence}."
