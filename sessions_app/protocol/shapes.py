"""The parts that frames are made of: public rows in the words of the protocol."""

import json
from typing import Any

Frame = dict[str, Any]
ARGUMENT_CHARACTERS = 80
_QUESTION = ("message", "expires_at", "allowed_decisions", "digest", "position", "created_at")
_CONFIRMATION = ("kind", "tool", "arguments", "display", "risk", "risk_reason", "grantable")
_RESOLUTION = ("kind", "status", "decision", "answer", "answered_by", "answered_via", "answered_at")
_WAITS = {
    "confirmation": "Waiting for your decision.",
    "input": "Waiting for your answer.",
    "recovery": "Waiting for your word on what became of a call.",
    "child": "Waiting for delegated work.",
    "retry": "Waiting before another attempt.",
}
_RUNS = {
    "run.queued": "Queued.",
    "run.started": "Begun.",
    "run.resumed": "Going on.",
    "run.cancelling": "Stopping.",
    "run.completed": "Completed.",
}
_STEPS = {
    "planned": "planned",
    "waiting": "waits for a person",
    "started": "running",
    "succeeded": "done",
    "failed": "failed",
    "denied": "not allowed",
    "cancelled": "stopped",
    "unknown": "may have taken effect",
}
_FIELD_TYPES = {"number": "number", "integer": "integer", "boolean": "checkbox"}


def message_view(row: Frame, text: str | None = None) -> Frame:
    """A message as frames carry it; `text` in place of the row's own."""
    return {
        "message_id": row["id"],
        "role": row["role"],
        "content": row["text"] if text is None else text,
        "status": row["status"],
        "reasoning": row["reasoning"] if text is None else "",
        "reason": row["reason"],
        "author": row["author"],
        "thought_seconds": row["thought_seconds"],
        "position": row["position"],
        "created_at": row["created_at"],
        "ended_at": row["ended_at"],
    }


def run_end(row: Frame) -> Frame | None:
    """How a run has ended, None while it has not."""
    match row["status"]:
        case "completed":
            return {"type": "task_completed", "content": row["text"], **answer_values(row["text"])}
        case "failed":
            error = {"code": row["code"], "message": row["sentence"], "retryable": bool(row["actions"])}
            return {"type": "task_failed", "content": row["sentence"], "error": error, "actions": row["actions"]}
        case "cancelled":
            return {"type": "task_cancelled", "content": row["sentence"], "actions": row["actions"]}
    return None


def answer_values(text: str) -> Frame:
    """`values` of an answer that is a JSON object; nothing for any other."""
    if not text.startswith("{"):
        return {}
    try:
        return {"values": json.loads(text)}
    except (ValueError, RecursionError):
        return {}


def run_sentence(event_type: str, row: Frame) -> str:
    """What has happened to a run, for a person."""
    if row["status"] == "waiting":
        return _WAITS[row["wait_reason"]]
    return row["sentence"] or _RUNS.get(event_type, "")


def step_sentence(row: Frame) -> str:
    """What a step does and how far it is, for a person."""
    display = row["display"]
    title = display.get("title") or row["tool"] or row["kind"]
    lines = (display.get("key_argument") or "").splitlines()
    argument = f": {lines[0][:ARGUMENT_CHARACTERS]}" if lines else ""
    return f"{title}{argument} ({_STEPS[row['status']]})"


def interaction_frame(row: Frame) -> Frame:
    """An open question."""
    fields = {"interaction_id": row["id"], "step_id": row["step_id"], **{name: row[name] for name in _QUESTION}}
    if row["kind"] == "input":
        schema = row["schema"] or {}
        return {"type": "request_user_input", **fields, "fields": form_fields(schema), "schema": schema}
    return {"type": "request_confirmation", **fields, **{name: row[name] for name in _CONFIRMATION}}


def resolution_fields(row: Frame) -> Frame:
    """A closed question."""
    fields = {name: row[name] for name in _RESOLUTION}
    return {"type": "interaction_resolved", "interaction_id": row["id"], "step_id": row["step_id"], **fields}


def form_fields(schema: Frame) -> list[Frame]:
    """The fields of a form, from its flat JSON Schema object."""
    required = schema.get("required", [])
    return [
        {
            "name": name,
            "title": field.get("title", name),
            "description": field.get("description", ""),
            "type": _field_type(field),
            "value": field.get("default"),
            "required": name in required,
            "options": field.get("enum", []),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _field_type(field: Frame) -> str:
    if "enum" in field:
        return "choice"
    if field.get("format") == "password":
        return "secret"
    return _FIELD_TYPES.get(str(field.get("type")), "text")
