"""The tools of this site: one instance of each, by name."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from tools_app.tools import TOOLS
from tools_app.types import Tool, ToolSpec

_tools: dict[str, Tool] = {}


def register(tool: Tool) -> Tool:
    """Add a tool; raises ValueError when its name is taken."""
    if tool.name in _tools:
        raise ValueError(f"two tools are called {tool.name!r}")
    _tools[tool.name] = tool
    return tool


def get_tool(name: str) -> Tool | None:
    """The tool of this name."""
    return _tools.get(name)


def list_tools() -> list[Tool]:
    """All tools, also those that cannot be used here, by name."""
    return [_tools[name] for name in sorted(_tools)]


def specs(names: Iterable[str]) -> list[ToolSpec]:
    """What a model is told of the named tools that exist and can be used here, in the order given."""
    found = [tool for name in dict.fromkeys(names) if (tool := get_tool(name)) and tool.unavailable() is None]
    return [ToolSpec(tool.name, tool.description, parameters(tool)) for tool in found]


@cache
def parameters(tool: Tool) -> dict[str, Any]:
    """The JSON Schema of a tool's arguments without titles and references, which small models stumble over."""
    schema = tool.arguments.model_json_schema()
    plain = _plain(schema, schema.get("$defs", {}))
    plain.pop("$defs", None)
    plain.pop("description", None)
    plain.setdefault("properties", {})
    return plain


def _plain(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties":
            result[key] = {name: _plain(field, definitions) for name, field in value.items()}
        elif key != "title":
            result[key] = _plain_value(value, definitions)
    return result


def _plain_value(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return _plain(value, definitions)
    if isinstance(value, list):
        return [_plain_value(item, definitions) for item in value]
    return value


for _tool in TOOLS:
    register(_tool)
