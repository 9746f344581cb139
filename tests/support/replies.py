"""Scripted answers of the model server: small constructors for every way a provider's stream can go."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Literal

Ending = Literal["orderly", "abrupt", "stall"]
DONE = b"data: [DONE]\n\n"
_call_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer: pieces of bytes with a pause before each, and how it ends.

    `stall` keeps the connection open and sends nothing more; `abrupt` closes it in the middle of the chunked body.
    """

    pieces: tuple[bytes, ...] = ()
    pause_seconds: float = 0.0
    first_pause_seconds: float = 0.0
    ending: Ending = "orderly"
    status: int = 200
    content_type: str = "text/event-stream"

    def after(self, seconds: float) -> "Reply":
        """The same answer, its headers sent only after `seconds`."""
        return replace(self, first_pause_seconds=seconds)


def frame(value: dict[str, Any]) -> bytes:
    """One event of the stream."""
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    """One `chat.completion.chunk` as OpenAI writes it."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return frame(_envelope() | {"choices": [choice]})


def usage_chunk(prompt: int, completion: int) -> bytes:
    """The last chunk, which holds the tokens used and no choice."""
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return frame(_envelope() | {"choices": [], "usage": usage})


def _envelope() -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": "scripted"}


def _split(words: str, pieces: Sequence[str] | None) -> Sequence[str]:
    """`words` in pieces of about one token: each word with the space after it."""
    return pieces if pieces is not None else [word for word in words.replace(" ", " \0").split("\0") if word]


def _stream(
    deltas: Iterable[dict[str, Any]],
    finish_reason: str,
    *,
    usage: bool = True,
    tokens_per_second: float | None = None,
) -> Reply:
    bodies = [chunk(delta) for delta in deltas]
    tail = [chunk({}, finish_reason)]
    if usage:
        tail.append(usage_chunk(10, len(bodies)))
    opening = chunk({"role": "assistant", "content": ""})
    pause = 1 / tokens_per_second if tokens_per_second else 0.0
    return Reply((opening, *bodies, *tail, DONE), pause_seconds=pause)


def text(
    words: str = "hello world",
    *,
    tokens_per_second: float | None = None,
    pieces: Sequence[str] | None = None,
    usage: bool = True,
) -> Reply:
    """A plain answer, word by word (or in `pieces`), at a pace or as fast as it goes."""
    deltas = [{"content": piece} for piece in _split(words, pieces)]
    return _stream(deltas, "stop", usage=usage, tokens_per_second=tokens_per_second)


def reasoning(thoughts: str, words: str = "", *, field: str = "reasoning_content", usage: bool = True) -> Reply:
    """Reasoning and then an answer; `field` is `reasoning_content` or `reasoning`."""
    deltas = [{field: piece} for piece in _split(thoughts, None)]
    deltas += [{"content": piece} for piece in _split(words, None)]
    return _stream(deltas, "stop", usage=usage)


def calls(*requests: tuple[str, dict[str, Any]], words: str = "", usage: bool = True) -> Reply:
    """Tool calls, side by side: `calls(("shell", {"command": "ls"}), …)`, after `words` when given."""
    deltas: list[dict[str, Any]] = [{"content": piece} for piece in _split(words, None)]
    for index, (name, arguments) in enumerate(requests):
        deltas += call_deltas(index, name, json.dumps(arguments, ensure_ascii=False))
    return _stream(deltas, "tool_calls", usage=usage)


def call_deltas(index: int, name: str, arguments: str) -> list[dict[str, Any]]:
    """The fragments of one call: a new id and the name in the first only, the arguments 8 characters at a time."""
    first = {"index": index, "id": f"call_{next(_call_numbers)}", "type": "function"}
    opening = first | {"function": {"name": name, "arguments": ""}}
    parts = [arguments[start : start + 8] for start in range(0, len(arguments), 8)]
    rest = [{"index": index, "function": {"arguments": part}} for part in parts]
    return [{"tool_calls": [fragment]} for fragment in (opening, *rest)]


def malformed_arguments(name: str = "shell") -> Reply:
    """A call whose arguments are no JSON, though the model says that it is done."""
    return _stream(call_deltas(0, name, '{"command": "ls'), "tool_calls")


def truncated_arguments(name: str = "shell") -> Reply:
    """A call cut by the output limit in the middle of its arguments."""
    return _stream(call_deltas(0, name, '{"command": "ls'), "length")


def truncated(words: str = "this answer was cut") -> Reply:
    """Text that ends at the output limit."""
    return _stream([{"content": piece} for piece in _split(words, None)], "length")


def content_filter(words: str = "") -> Reply:
    """The provider's filter stops the answer, after `words`."""
    return _stream([{"content": piece} for piece in _split(words, None)], "content_filter")


def empty() -> Reply:
    """An answer with no text and no call."""
    return _stream([], "stop")


def cut(after: int = 3, *, abrupt: bool = False) -> Reply:
    """`after` tokens and then the end, with no terminal frame; `abrupt` breaks the HTTP body too."""
    return Reply(_some_tokens(after), ending="abrupt" if abrupt else "orderly")


def stall(after: int = 3) -> Reply:
    """`after` tokens and then silence on an open connection (`after=0`: not one byte of the body)."""
    return Reply(_some_tokens(after) if after else (), ending="stall")


def _some_tokens(count: int) -> tuple[bytes, ...]:
    tokens = (chunk({"content": f"word{number} "}) for number in range(1, count + 1))
    return (chunk({"role": "assistant", "content": ""}), *tokens)


def error_frame(code: str = "server_error", message: str = "The server had an error.", *, after: int = 2) -> Reply:
    """`after` tokens and then an error inside the stream."""
    return Reply((*_some_tokens(after), frame({"error": {"message": message, "type": code, "code": code}})))


def raw(*pieces: bytes) -> Reply:
    """Bytes as they are, one HTTP chunk each."""
    return Reply(pieces)


def status(number: int, body: dict[str, Any] | bytes | None = None) -> Reply:
    """An HTTP error; without a body the provider's usual envelope."""
    content = body if body is not None else {"error": {"message": f"Error {number}.", "type": "error", "code": None}}
    encoded = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Reply((encoded,), status=number, content_type="application/json")


def context_too_long() -> Reply:
    """What OpenAI says when the conversation does not fit."""
    message = "This model's maximum context length is 8192 tokens. Please reduce the length of the messages."
    error = {"message": message, "type": "invalid_request_error", "param": "messages"}
    return status(400, {"error": error | {"code": "context_length_exceeded"}})
