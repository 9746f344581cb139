"""The fields of a form card from its flat JSON Schema, and the boxes in which a call's arguments are edited."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LONG_TEXT = 200


@dataclass(frozen=True, slots=True)
class Field:
    """One labelled control: `kind` is text, long, number, choice, checkbox or secret."""

    name: str
    id: str
    kind: str
    label: str
    help: str
    required: bool
    value: Any
    options: tuple[str, ...]
    error: str
    step: str = "any"


def form_fields(
    prefix: str, schema: Mapping[str, Any], values: Mapping[str, Any], errors: Mapping[str, str]
) -> list[Field]:
    """The controls of a form, with what was typed and what is wrong with it. Secrets are never shown again."""
    required = set(schema.get("required", ()))
    fields = []
    for name, property_ in schema.get("properties", {}).items():
        kind = _kind(property_)
        given = values[name] if name in values else property_.get("default", "")
        fields.append(
            Field(
                name=name,
                id=f"{prefix}-{name}",
                kind=kind,
                label=_label(property_.get("title") or name),
                help=property_.get("description", ""),
                required=name in required,
                value="" if kind == "secret" else given,
                options=tuple(str(option) for option in property_.get("enum", ())),
                error=errors.get(name, ""),
                step="1" if property_.get("type") == "integer" else "any",
            )
        )
    return fields


def argument_fields(prefix: str, arguments: Mapping[str, Any], errors: Mapping[str, str]) -> list[Field]:
    """A box for each argument of a call: texts as they are, all else as JSON."""
    return [
        Field(
            name=name,
            id=f"{prefix}-{name}",
            kind="long",
            label=_label(name),
            help="" if isinstance(value, str) else "JSON",
            required=False,
            value=value if isinstance(value, str) else pretty(value),
            options=(),
            error=errors.get(name, ""),
        )
        for name, value in arguments.items()
    ]


def pretty(value: Any) -> str:
    """A value for people: a text as it is, all else as indented JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)


def _label(name: str) -> str:
    """A name as a heading: what a model calls `due_date` reads "Due date"."""
    words = name.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _kind(property_: Mapping[str, Any]) -> str:
    if "enum" in property_:
        return "choice"
    if property_.get("type") == "boolean":
        return "checkbox"
    if property_.get("type") in ("number", "integer"):
        return "number"
    if property_.get("format") == "password":
        return "secret"
    return "long" if property_.get("maxLength", 0) > LONG_TEXT or property_.get("format") == "textarea" else "text"
