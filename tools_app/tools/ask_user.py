"""Asks the person for facts with a form."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from tools_app.types import Arguments, Decision, Display, Effect, Question, Risk, Tool

_KINDS: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "number"},
    "choice": {"type": "string"},
    "checkbox": {"type": "boolean"},
    "secret": {"type": "string", "format": "password", "writeOnly": True},
}
_PYTHON: dict[str, tuple[type, ...]] = {"text": (str,), "number": (int, float), "choice": (str,), "checkbox": (bool,)}


class FormField(Arguments):
    """One field of the form."""

    name: str = Field(
        description="A short name in letters, digits and underscores.", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,49}$"
    )
    description: str = Field(default="", description="What the person reads beside the field.", max_length=500)
    type: Literal["text", "number", "choice", "checkbox", "secret"] = Field(
        default="text",
        description="secret: you get a reference such as ⟨secret:name⟩ that shell's env takes, never the value.",
    )
    choices: list[str] | None = Field(default=None, description="What can be chosen; for type choice.", max_length=100)
    required: bool = Field(default=True, description="Whether the form cannot be sent without it.")
    value: bool | int | float | str | None = Field(default=None, description="What stands in the field at first.")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if (self.type == "choice") != bool(self.choices):
            raise ValueError("choices are given for type choice, and only for it")
        if self.value is None:
            return self
        fits = isinstance(self.value, _PYTHON.get(self.type, ())) and isinstance(self.value, bool) == (
            self.type == "checkbox"
        )
        if not fits or (self.choices is not None and self.value not in self.choices):
            raise ValueError("value does not fit the field's type; a secret has none")
        return self

    def schema_of(self) -> dict[str, Any]:
        """The field as JSON Schema."""
        schema = {**_KINDS[self.type], "title": self.name.replace("_", " ")}
        if self.description:
            schema["description"] = self.description
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.value is not None:
            schema["default"] = self.value
        return schema


class AskUserArguments(Arguments):
    """A message and the fields of the form under it."""

    message: str = Field(description="What the person is asked.", min_length=1, max_length=4_000)
    fields: list[FormField] = Field(description="The fields of the form.", min_length=1, max_length=20)

    @model_validator(mode="after")
    def _has_each_name_once(self) -> Self:
        if len({field.name for field in self.fields}) < len(self.fields):
            raise ValueError("two fields have the same name")
        return self


class AskUser(Tool):
    """A form; the run waits for the answer without holding anything."""

    name = "ask_user"
    description = (
        "Ask the person for facts that you need and cannot find out yourself, with a form. Ask for all at once. "
        "The answer is a JSON object of names and values."
    )
    arguments = AskUserArguments
    effect = Effect.READ
    risk = Risk.LOW
    risk_reason = "It only asks."
    default = Decision.ALLOW
    editable = False
    kind = "question"

    def display(self, arguments: Mapping[str, Any]) -> Display:
        """The question is what matters."""
        return Display("clipboard-list", "Question", str(arguments.get("message", "")), "Ask you for some facts")

    def question(self, arguments: AskUserArguments) -> Question:
        """The form as a flat JSON Schema object."""
        schema: dict[str, Any] = {
            "type": "object",
            "properties": {field.name: field.schema_of() for field in arguments.fields},
            "required": [field.name for field in arguments.fields if field.required],
            "additionalProperties": False,
        }
        return Question(arguments.message, schema)
