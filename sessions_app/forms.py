"""What people send from the page's forms, as the values that services take. Checking them is the services' part."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from sessions_app.models import Interaction
from sessions_app.services.answers import FieldsError

SESSION_GRANT = "approve_session"
_PREFIX = "field-"


@dataclass(frozen=True, slots=True)
class Answer:
    """A decision with what belongs to it, as `answer_interaction` takes it."""

    decision: str
    arguments: dict[str, Any] | None = None
    reason: str = ""
    values: dict[str, Any] | None = None
    scope: str = "once"


def text_of(post: QueryDict, name: str) -> str:
    """A text with line breaks as everywhere else in the site; browsers send carriage returns too."""
    return post.get(name, "").replace("\r\n", "\n").replace("\r", "\n")


def answer_of(interaction: Interaction, post: QueryDict) -> Answer:
    """The answer that a card's form holds. Raises FieldsError for arguments that are no JSON."""
    decision = post.get("decision", "")
    if decision == SESSION_GRANT:
        return Answer("approve", scope="session")
    if decision == "edit":
        return Answer(decision, arguments=_arguments(interaction.arguments or {}, post))
    if decision == "submit":
        return Answer(decision, values=_values(interaction.schema or {}, post))
    return Answer(decision, reason=text_of(post, "reason"))


def typed(post: QueryDict) -> dict[str, str]:
    """What was typed into a card's fields, by name, to show it again."""
    return {name.removeprefix(_PREFIX): text_of(post, name) for name in post if name.startswith(_PREFIX)}


def _arguments(original: Mapping[str, Any], post: QueryDict) -> dict[str, Any]:
    """The edited arguments: texts as they are, all else from JSON."""
    given = typed(post)
    edited: dict[str, Any] = dict(original)
    errors: dict[str, str] = {}
    for name, text in given.items():
        if isinstance(original.get(name), str):
            edited[name] = text
            continue
        try:
            edited[name] = json.loads(text)
        except ValueError:
            errors[name] = "This is not JSON. Numbers and true or false stand alone, texts in double quotes."
    if errors:
        raise FieldsError("Some arguments cannot be read.", details={"fields": errors})
    return edited


def _values(schema: Mapping[str, Any], post: QueryDict) -> dict[str, Any]:
    """The values of a form, in the types of its schema where the text allows it."""
    given = typed(post)
    properties = schema.get("properties", {})
    return {name: _value(property_, given.get(name, "")) for name, property_ in properties.items()}


def _value(property_: Mapping[str, Any], text: str) -> Any:
    if property_.get("type") == "boolean":
        return text == "yes"
    for option in property_.get("enum", ()):
        if str(option) == text:
            return option
    if property_.get("type") in ("number", "integer") and text.strip():
        return _number(text.strip())
    return text


def _number(text: str) -> int | float | str:
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            continue
    return text
