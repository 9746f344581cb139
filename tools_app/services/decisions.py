"""The gate with its database: what is decided for one call, and the record of it."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from tools_app import gate
from tools_app.models import ToolDecision
from tools_app.selectors import rules_for
from tools_app.types import Decision, Subject, Tool, Verdict

_REASON_CHARACTERS = 300


def evaluate(*, tool: Tool, arguments: Mapping[str, Any], subject: Subject) -> Verdict:
    """The gate's word on one call. Rules of this version name tools, so `arguments` do not change it yet."""
    judgement = gate.decide(
        rules_for(tool=tool.name, session_id=subject.session_id),
        tool.default,
        tool=tool.name,
        interactive=subject.interactive,
    )
    return Verdict(
        decision=judgement.decision,
        reason=judgement.reason,
        risk=tool.risk,
        risk_reason=tool.risk_reason,
        rule_id=judgement.rule.id if judgement.rule else None,
        waivable=judgement.waivable,
        source=judgement.source,
    )


def record_decision(
    *,
    run_id: UUID,
    session_id: UUID,
    step_id: UUID,
    user_id: int,
    tool: str,
    arguments_digest: str,
    decision: Decision,
    source: str,
    reason: str,
    risk: str,
    rule_id: UUID | None = None,
    decided_by_id: int | None = None,
) -> ToolDecision:
    """Add one decision to the record, in the caller's transaction: it stands exactly when the call it is of stands."""
    return ToolDecision.objects.create(
        run_id=run_id,
        session_id=session_id,
        step_id=step_id,
        user_id=user_id,
        tool=tool,
        arguments_digest=arguments_digest,
        decision=decision,
        source=source,
        reason=reason[:_REASON_CHARACTERS],
        risk=risk,
        rule_id=rule_id,
        decided_by_id=decided_by_id,
    )
