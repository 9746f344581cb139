"""From a text frame of a client to the command it means."""

import json
from typing import Any

from pydantic import TypeAdapter, ValidationError

from agentsite.core.errors import InvalidError
from agentsite.core.text import clean_json
from sessions_app.protocol.commands import INCOMING, Command, Incoming
from sessions_app.protocol.frames import frame_type

_adapter: TypeAdapter[Any] = TypeAdapter(Incoming)
_BY_TYPE = {frame_type(command): command for command in INCOMING}


class UnreadableError(InvalidError):
    """A frame that cannot be taken; `cmd_id` is the one it had, if that much could be read."""

    code = "invalid_frame"

    def __init__(self, message: str, *, cmd_id: str = "", details: dict[str, Any] | None = None) -> None:
        super().__init__(message, details=details)
        self.cmd_id = cmd_id


def read_command(text: str) -> Command:
    """The command in a frame. Raises UnreadableError, which says what to send instead."""
    try:
        frame = clean_json(json.loads(text, parse_constant=_refuse_constant))
    except (ValueError, RecursionError):
        raise UnreadableError('Send JSON text, such as {"type": "message", "content": "Hello"}.') from None
    if not isinstance(frame, dict):
        raise UnreadableError("A frame is a JSON object with a `type`.")
    cmd_id = frame["cmd_id"] if isinstance(frame.get("cmd_id"), str) else ""
    if frame.get("type") not in list(_BY_TYPE):
        known = ", ".join(_BY_TYPE)
        details = {"types": list(_BY_TYPE)}
        raise UnreadableError(f"Send a `type` that is one of: {known}.", cmd_id=cmd_id, details=details)
    try:
        command = _adapter.validate_python(frame)
    except ValidationError as error:
        raise _refusal(frame["type"], cmd_id, error) from None
    assert isinstance(command, Command)
    return command


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON.")


def _refusal(type_: str, cmd_id: str, error: ValidationError) -> UnreadableError:
    fields = {".".join(map(str, item["loc"][1:])): item["msg"] for item in error.errors()}
    taken = ", ".join(name for name in _BY_TYPE[type_].model_fields if name != "type")
    message = f"Check {', '.join(fields)}. A `{type_}` frame takes: {taken}."
    return UnreadableError(message, cmd_id=cmd_id, details={"fields": fields})
