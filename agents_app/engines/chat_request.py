"""The body of a chat completion, from a provider-neutral request."""

import json
from typing import Any
from urllib.parse import urlsplit

from agents_app.engines.settings import EngineSettings
from agents_app.types import CompletionRequest, Message, ToolRequest
from tools_app.types import ToolSpec

MALFORMED_CHARACTERS = 2_000


def chat_body(request: CompletionRequest, settings: EngineSettings, model: str) -> dict[str, Any]:
    """The JSON of a request to `chat/completions`."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(message) for message in request.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        _limit_name(settings): request.max_tokens or settings.output_tokens,
    }
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
    if request.response_schema is not None:
        named = {"name": "answer", "schema": request.response_schema, "strict": False}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    return body


def prompt_characters(request: CompletionRequest) -> int:
    """The size of what the model reads, for the estimate when a provider counts no tokens."""
    said = sum(len(message.content) for message in request.messages)
    called = sum(len(call.arguments) for message in request.messages for call in message.tool_requests)
    return said + called + sum(len(tool.description) + len(json.dumps(tool.parameters)) for tool in request.tools)


def _limit_name(settings: EngineSettings) -> str:
    """OpenAI's newer models refuse `max_tokens`; compatible servers often know nothing else."""
    host = urlsplit(settings.base_url).hostname or "api.openai.com"
    modern = host == "api.openai.com" or host.endswith(".openai.azure.com") or bool(settings.api_version)
    return "max_completion_tokens" if modern else "max_tokens"


def _message(message: Message) -> dict[str, Any]:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.content}
    body: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_requests:
        body["content"] = message.content or None
        body["tool_calls"] = [_call(request) for request in message.tool_requests]
    return body


def _call(request: ToolRequest) -> dict[str, Any]:
    function = {"name": request.name, "arguments": _sound_arguments(request.arguments)}
    return {"id": request.id, "type": "function", "function": function}


def _sound_arguments(arguments: str) -> str:
    """Servers that parse the history refuse a malformed call of the model's own: it is quoted in a sound one."""
    try:
        if isinstance(json.loads(arguments), dict):
            return arguments
    except ValueError:
        pass
    return json.dumps({"malformed": arguments[:MALFORMED_CHARACTERS]}, ensure_ascii=False)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}
