"""What an answer must look like: each kind of question takes its own decisions, checked before anything is stored."""

from typing import Any

from jsonschema import Draft202012Validator
from pydantic import ValidationError

from agentsite.core.crypto import encrypt
from agentsite.core.errors import InvalidError
from agentsite.core.text import clean_text
from sessions_app.models import Interaction, Secret
from tools_app import registry

REASON_CHARACTERS = 4_000


class DecisionError(InvalidError):
    """The decision is not one that this question takes."""

    code = "decision_not_allowed"


class FieldsError(InvalidError):
    """Some fields need another value; `details["fields"]` is name → sentence."""

    code = "invalid_fields"


def checked_answer(
    interaction: Interaction, decision: str, *, arguments: Any, reason: str, values: Any
) -> dict[str, Any]:
    """The answer as it is stored, for an allowed decision.

    Raises DecisionError and FieldsError.
    """
    if decision not in interaction.allowed_decisions:
        allowed = ", ".join(interaction.allowed_decisions)
        raise DecisionError(
            f"This question takes one of: {allowed}.", details={"allowed": interaction.allowed_decisions}
        )
    reason = clean_text(reason)[0].strip()
    if len(reason) > REASON_CHARACTERS:
        raise FieldsError(
            "The text is too long.", details={"fields": {"reason": f"At most {REASON_CHARACTERS} characters."}}
        )
    if decision == "edit":
        return {"arguments": checked_arguments(interaction.tool, arguments)}
    if decision == "respond":
        if not reason:
            raise FieldsError(
                "Write what the agent should get instead.", details={"fields": {"reason": "Write an answer."}}
            )
        return {"content": reason}
    if decision == "submit":
        return {"values": checked_values(interaction.schema or {}, values)}
    return {"reason": reason} if reason else {}


def checked_arguments(tool_name: str, arguments: Any) -> dict[str, Any]:
    """Arguments that fit the tool's schema.

    Raises FieldsError.
    """
    tool = registry.get_tool(tool_name)
    if tool is None or not isinstance(arguments, dict):
        raise FieldsError("The arguments are an object of names and values.", details={"fields": {}})
    try:
        tool.arguments.model_validate(arguments)
    except ValidationError as error:
        fields = {".".join(map(str, item["loc"])) or "arguments": item["msg"] for item in error.errors()}
        raise FieldsError("Some arguments do not fit this tool.", details={"fields": fields}) from error
    return arguments


def checked_values(schema: dict[str, Any], values: Any) -> dict[str, Any]:
    """Values that fit a form's schema; empty optional ones are left out.

    Raises FieldsError.
    """
    if not isinstance(values, dict):
        raise FieldsError("`values` is an object of field names and values.", details={"fields": {}})
    required = set(schema.get("required", ()))
    given = {name: _clean(value) for name, value in values.items() if value not in ("", None) or name in required}
    fields: dict[str, str] = {}
    for error in Draft202012Validator({**schema, "additionalProperties": False}).iter_errors(given):
        fields.setdefault(str(error.path[0]) if error.path else _missing(error.message), _in_words(error))
    for name in required:
        if given.get(name) in ("", None):
            fields[name] = "This is needed."
    if fields:
        raise FieldsError("Some fields need another value.", details={"fields": fields})
    return given


def store_secrets(interaction: Interaction, values: dict[str, Any]) -> dict[str, Any]:
    """Keep the values of secret fields encrypted with the run and put references in their place."""
    properties = (interaction.schema or {}).get("properties", {})
    shown = dict(values)
    for name, value in values.items():
        if properties.get(name, {}).get("format") == "password" and isinstance(value, str):
            Secret.objects.update_or_create(
                run_id=interaction.run_id, name=name, defaults={"ciphertext": encrypt(value)}
            )
            shown[name] = f"⟨secret:{name}⟩"
    return shown


def _clean(value: Any) -> Any:
    return clean_text(value)[0] if isinstance(value, str) else value


def _missing(message: str) -> str:
    quoted = message.split("'")
    return quoted[1] if len(quoted) > 1 else "form"


def _in_words(error: Any) -> str:
    if error.validator == "required":
        return "This is needed."
    if error.validator == "enum":
        return "Choose one of: " + ", ".join(map(str, error.validator_value)) + "."
    if error.validator == "type":
        names = {"number": "a number", "integer": "a whole number", "boolean": "yes or no", "string": "text"}
        return f"This must be {names.get(str(error.validator_value), str(error.validator_value))}."
    if error.validator == "additionalProperties":
        return "This form has no such field."
    return "This value does not fit."
