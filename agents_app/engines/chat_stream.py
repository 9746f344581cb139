"""Folds the chunks of a chat completion into text, reasoning, tool calls, usage and an end.

One object a network read reaches the sink, however many tokens came in it: this is where a token costs most (DESIGN.md
section 9). `jiter` is the JSON reader that the openai SDK itself uses.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jiter import from_json

from agents_app.engines.eventstream import EventStreamParser, EventTooLargeError
from agents_app.engines.failures import failure_in_stream, unreadable_stream
from agents_app.types import Sink, ToolRequest, Usage
from agentsite.core.ids import new_id
from agentsite.core.text import clean_text


@dataclass(slots=True)
class PartialCall:
    """A tool call whose fragments are coming in."""

    id: str
    name: str
    arguments: list[str]


class ChatFold:
    """The fold of one answer. Feed it bytes until `done`; then read its attributes.

    `tokens_seen` says that the first token came; `frames` counts events: comments are none, and so hide no stall.
    """

    def __init__(self, sink: Sink) -> None:
        self.tokens_seen = False
        self.frames = 0
        self.finish_reason = ""
        self.done = False
        self.reported_usage: Usage | None = None
        self._sink = sink
        self._parser = EventStreamParser()
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._new_text: list[str] = []
        self._new_reasoning: list[str] = []
        self._held_text = ""
        self._held_reasoning = ""
        self._calls: list[PartialCall] = []
        self._by_index: dict[int, PartialCall] = {}

    @property
    def text(self) -> str:
        """The answer's text so far."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        """The answer's reasoning so far."""
        return "".join(self._reasoning)

    @property
    def tool_requests(self) -> tuple[ToolRequest, ...]:
        """The calls so far, in the order in which they began."""
        return tuple(
            ToolRequest(call.id or f"call_{new_id().hex}", call.name, _clean("".join(call.arguments)))
            for call in self._calls
        )

    def feed(self, data: bytes) -> None:
        """Take what the network brought. Raises EngineError for an error inside the stream."""
        try:
            events = self._parser.feed(data)
        except EventTooLargeError as error:
            raise unreadable_stream(str(error)) from error
        try:
            for event in events:
                self._take(event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise unreadable_stream(repr(error)) from error
        finally:
            self._send()

    def finish(self) -> None:
        """The stream is over: what was held back is sent too."""
        if self._held_text:
            self._new_text.append("\ufffd")
            self._held_text = ""
        if self._held_reasoning:
            self._new_reasoning.append("\ufffd")
            self._held_reasoning = ""
        self._send()

    def usage(self, prompt_characters: int) -> Usage:
        """The provider's count, or an estimate at 4 characters a token."""
        if self.reported_usage is not None:
            return self.reported_usage
        parts: Sequence[str] = (*self._text, *self._reasoning, *(p for call in self._calls for p in call.arguments))
        return Usage(-(-prompt_characters // 4), -(-sum(map(len, parts)) // 4), estimated=True)

    def _take(self, event: bytes) -> None:
        if self.done:
            return
        if event.startswith(b"[DONE]"):
            self.done = True
            return
        self.frames += 1
        chunk = _parse(event)
        if chunk.get("error"):
            raise failure_in_stream(chunk["error"])
        usage = chunk.get("usage")
        if usage:
            self._count(usage)
        choices = chunk.get("choices")
        if choices:
            choice = choices[0]
            delta = choice.get("delta")
            if delta:
                self._fold(delta)
            if choice.get("finish_reason"):
                self.finish_reason = choice["finish_reason"]

    def _fold(self, delta: dict[str, Any]) -> None:
        content = delta.get("content") or delta.get("refusal")
        if content:
            self._new_text.append(content if type(content) is str else _text_parts(content))
            self.tokens_seen = True
        thoughts = delta.get("reasoning_content") or delta.get("reasoning")
        if thoughts:
            self._new_reasoning.append(thoughts if type(thoughts) is str else _text_parts(thoughts))
            self.tokens_seen = True
        fragments = delta.get("tool_calls")
        if fragments:
            for fragment in fragments:
                self._fold_call(fragment)
            self.tokens_seen = True

    def _fold_call(self, fragment: dict[str, Any]) -> None:
        function = fragment.get("function") or {}
        call = self._call_of(fragment)
        call.name = call.name or function.get("name") or ""
        arguments = function.get("arguments")
        if arguments:
            call.arguments.append(arguments if type(arguments) is str else json.dumps(arguments))

    def _call_of(self, fragment: dict[str, Any]) -> PartialCall:
        """The call that a fragment belongs to: by its index; some servers give no index, or 0 to every whole call."""
        call_id = fragment.get("id") or ""
        index = fragment.get("index")
        if index is None:
            index = len(self._calls) if call_id or not self._calls else len(self._calls) - 1
        known = self._by_index.get(index)
        if known is None or (call_id and known.id and call_id != known.id):
            known = self._by_index[index] = PartialCall(call_id, "", [])
            self._calls.append(known)
        return known

    def _count(self, usage: dict[str, Any]) -> None:
        self.reported_usage = Usage(usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0)

    def _send(self) -> None:
        """Clean what is new and give it on, once for each lane."""
        if self._new_text:
            text, self._held_text = clean_text("".join(self._new_text), self._held_text)
            self._new_text.clear()
            if text:
                self._text.append(text)
                self._sink.text(text)
        if self._new_reasoning:
            text, self._held_reasoning = clean_text("".join(self._new_reasoning), self._held_reasoning)
            self._new_reasoning.clear()
            if text:
                self._reasoning.append(text)
                self._sink.reasoning(text)


def _parse(event: bytes) -> Any:
    """The chunk in an event. `json` reads what `jiter` refuses: half of a surrogate pair, written as an escape."""
    try:
        return from_json(event)
    except ValueError:
        return json.loads(event)


def _clean(text: str) -> str:
    whole, held = clean_text(text)
    return whole + ("\ufffd" if held else "")


def _text_parts(content: Any) -> str:
    """The text of content that a server sends as a list of parts."""
    parts = content if isinstance(content, list) else [content]
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
