"""What the public sees of a row: plain JSON, the same in events, snapshots, REST and templates."""

from datetime import datetime
from typing import Any

from sessions_app.models import Interaction, Message, Run, Session, Step

Public = dict[str, Any]


def _when(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _id(value: object) -> str | None:
    return str(value) if value else None


def public_session(session: Session) -> Public:
    """A session's name and agent."""
    return {
        "id": str(session.id),
        "title": session.title,
        "agent_id": _id(session.agent_id),
        "agent": session.agent.slug if session.agent else "",
        "agent_name": session.agent.name if session.agent else "",
        "created_at": _when(session.created_at),
    }


def public_message(message: Message) -> Public:
    """An utterance; the text of a streaming one is in the journal's deltas, not here."""
    return {
        "id": str(message.id),
        "run_id": _id(message.run_id),
        "role": message.role,
        "status": message.status,
        "text": message.text,
        "reasoning": message.reasoning,
        "reason": message.reason,
        "author": message.author,
        "thought_seconds": message.thought_seconds,
        "position": message.position,
        "created_at": _when(message.created_at),
        "ended_at": _when(message.ended_at),
    }


def public_run(run: Run) -> Public:
    """A run's state, how it ended and what it used."""
    frozen = run.frozen or {}
    return {
        "id": str(run.id),
        "agent_id": _id(run.agent_id),
        "agent_name": frozen.get("agent_name", ""),
        "version": frozen.get("version", ""),
        "parent_id": _id(run.parent_id),
        "retry_of": _id(run.retry_of_id),
        "prompt_id": _id(run.prompt_id),
        "status": run.status,
        "wait_reason": run.wait_reason,
        "strategy": run.strategy,
        "position": run.position,
        "text": run.text,
        "code": run.code,
        "sentence": run.sentence,
        "actions": list(run.actions),
        "prompt_tokens": run.prompt_tokens,
        "completion_tokens": run.completion_tokens,
        "cost": run.cost,
        "queued_at": _when(run.queued_at),
        "started_at": _when(run.started_at),
        "ended_at": _when(run.ended_at),
    }


def public_step(step: Step) -> Public:
    """One effect: what was asked, what ran, what came of it.

    A model call's reply is its message.
    """
    result = step.result if step.kind != "model" else None
    return {
        "id": str(step.id),
        "run_id": str(step.run_id),
        "key": step.key,
        "kind": step.kind,
        "status": step.status,
        "tool": step.tool,
        "call_id": step.call_id,
        "display": step.display,
        "arguments": step.arguments,
        "effective_arguments": step.effective_arguments,
        "result": result,
        "output": step.output,
        "code": step.code,
        "message_id": _id(step.message_id),
        "child_id": _id(step.child_id),
        "prompt_tokens": step.prompt_tokens,
        "completion_tokens": step.completion_tokens,
        "cost": step.cost,
        "position": step.position,
        "started_at": _when(step.started_at),
        "ended_at": _when(step.ended_at),
    }


def public_interaction(interaction: Interaction) -> Public:
    """A question and, once closed, its answer; secrets in it are references."""
    return {
        "id": str(interaction.id),
        "run_id": str(interaction.run_id),
        "step_id": str(interaction.step_id),
        "kind": interaction.kind,
        "status": interaction.status,
        "message": interaction.message,
        "tool": interaction.tool,
        "arguments": interaction.arguments,
        "schema": interaction.schema,
        "display": interaction.display,
        "digest": interaction.digest,
        "risk": interaction.risk,
        "risk_reason": interaction.risk_reason,
        "allowed_decisions": list(interaction.allowed_decisions),
        "grantable": interaction.grantable,
        "expires_at": _when(interaction.expires_at),
        "decision": interaction.decision,
        "answer": interaction.answer,
        "answered_by": interaction.answered_by.get_username() if interaction.answered_by else "",
        "answered_via": interaction.answered_via,
        "position": interaction.position,
        "created_at": _when(interaction.created_at),
        "answered_at": _when(interaction.answered_at),
    }
