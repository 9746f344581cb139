"""`docs/protocol.md`, made of the declared frames.

`python -m sessions_app.protocol.reference` writes it; a test holds it equal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import cleandoc
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sessions_app.protocol.commands import INCOMING
from sessions_app.protocol.frames import OUTGOING, frame_type

PAGE = Path(__file__).resolve().parents[2] / "docs" / "protocol.md"
HEAD = """# The JSON socket and the event stream

Made by `python -m sessions_app.protocol.reference` from the frames that are declared in `sessions_app/protocol/`.

`/api/ws/session/<session>?after=` carries JSON frames both ways. Open it with `Authorization: Bearer …`, with this
site's cookie from a page of this site, or with `?ticket=` from `POST /api/tickets`. `GET /api/session/<session>/events`
carries the frames from the server alone, as server-sent events; `Last-Event-ID` is its `after`.

**Cursor.** Keep the `seq` of the last frame that you have applied. With `?after=<seq>` you get only what follows it.
Without, or when the cursor cannot be used (too old, too far behind, from a restored backup), you get `initial_state`,
which replaces all you have. Nothing has to be acknowledged.

**Text** is put at `off`, which counts UTF-16 code units: `text = text.slice(0, off) + content` in JavaScript. After a
reconnect a piece may come again; put at its `off` it changes nothing.

**Commands** may carry a `cmd_id`, a new UUID for each: the server answers `ack`, and a repeat, also on another
connection, does nothing and gets the first `ack` again. What has reached the server is carried out even if the
connection is lost. Without a `cmd_id` only a failure is answered, with `error`.

**Limits.** A frame has at most 256 kB, a message 32,000 characters, a user 50 connections to each process.

| closed with | because |
| --- | --- |
| 1009 | a frame was over 256 kB |
| 1011 | something failed here; come back with your cursor |
| 1012 | the server restarts; come back with your cursor |
| 4401 | a command came when the token was revoked, the sign-in was over or the account was closed |
| 4404 | there is no such session, or it is not yours |
| 4429 | too many connections of yours are open |

A server that may not send codes below 3000 (daphne) sends 4009, 4011 and 4012 instead. The server pings every 20
seconds and drops a connection that has not answered 20 seconds later.
"""


@dataclass(frozen=True, slots=True)
class FrameLine:
    """One frame on a line: its type, the names of its fields, what it means."""

    type: str
    fields: str
    meaning: str


def lines(frames: Sequence[type[BaseModel]]) -> list[FrameLine]:
    """Each frame on a line."""
    return [FrameLine(frame_type(frame), _names(frame), cleandoc(frame.__doc__ or "")) for frame in frames]


def text() -> str:
    """The whole page."""
    parts = [HEAD, "\n## From the server\n", *map(_section, OUTGOING), "\n## To the server\n", *map(_section, INCOMING)]
    return "".join(parts)


def _section(frame: type[BaseModel]) -> str:
    schema = frame.model_json_schema(by_alias=True)
    required = set(schema.get("required", ()))
    rows = [
        f"| `{name}`{'' if name in required else ' (optional)'} | {_type(field)} | {field.get('description', '')} |\n"
        for name, field in schema["properties"].items()
        if name != "type"
    ]
    table = "".join(["\n| field | type | |\n| --- | --- | --- |\n", *rows]) if rows else ""
    return f"\n### `{frame_type(frame)}`\n\n{cleandoc(frame.__doc__ or '')}\n{table}{_parts(schema)}"


def _parts(schema: dict[str, Any]) -> str:
    """The objects inside a frame, other than whole public rows, which the OpenAPI document has."""
    parts = []
    for name, part in schema.get("$defs", {}).items():
        if not name.endswith("Row"):
            fields = ", ".join(f"`{field}` {_type(shape)}" for field, shape in part["properties"].items())
            parts.append(f"\n{name}: {fields}\n")
    return "".join(parts)


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"].rsplit("/", 1)[1])
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if "enum" in field or "const" in field:
        return ", ".join(f'"{value}"' for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("format", field.get("type", "any")))


def _names(frame: type[BaseModel]) -> str:
    properties = frame.model_json_schema(by_alias=True)["properties"]
    return ", ".join(name for name in properties if name != "type")


def main() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
