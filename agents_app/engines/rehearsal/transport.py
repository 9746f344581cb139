"""The rehearsal engine as a provider: it takes HTTP requests in memory and writes an event stream's bytes.

Everything else (the SDK's request, the stream's parser, timeouts, cancel, errors) is that of a provider on the network.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx2

from agents_app.engines.rehearsal.moves import FINISH_REASONS, STATUSES, Move
from agents_app.engines.rehearsal.turns import next_move

NAME = "rehearsal"
URL = "http://rehearsal.invalid/v1"
ARGUMENT_CHARACTERS = 80
_ENVELOPE = {"id": "rehearsal", "object": "chat.completion.chunk", "created": 0, "model": NAME}


class RehearsalTransport(httpx2.AsyncBaseTransport):
    """Answers `/models` and `/chat/completions` without a network."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """The response, whose body is streamed as it is read."""
        if request.method == "GET":
            return _json(
                200, {"object": "list", "data": [{"id": NAME, "object": "model", "created": 0, "owned_by": NAME}]}
            )
        body = json.loads(await request.aread())
        tools = frozenset(tool["function"]["name"] for tool in body.get("tools", ()))
        move = next_move(body["messages"], tools)
        if move.failure == "unreachable":
            raise httpx2.ConnectError("The rehearsal engine was asked to be unreachable.", request=request)
        if move.failure in STATUSES:
            status, code, message = STATUSES[move.failure]
            return _json(status, {"error": {"message": message, "type": "invalid_request_error", "code": code}})
        stream = _Stream(move, prefix=f"call_{len(body['messages'])}")
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=stream)


def _json(status: int, body: dict[str, Any]) -> httpx2.Response:
    return httpx2.Response(status, json=body)


class _Stream(httpx2.AsyncByteStream):
    """The bytes of one answer, at the move's pace: whatever is due goes out in one piece."""

    def __init__(self, move: Move, *, prefix: str) -> None:
        self._move = move
        self._prefix = prefix

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield _chunk({"role": "assistant", "content": ""})
        frames = list(_frames(self._move, self._prefix))
        clock = asyncio.get_running_loop().time
        began, sent = clock(), 0
        while sent < len(frames):
            due = min(len(frames), int((clock() - began) * self._move.words_per_second) + 1)
            if due > sent:
                yield b"".join(frames[sent:due])
                sent = due
            await asyncio.sleep(max(0.0, began + sent / self._move.words_per_second - clock()))
        if self._move.failure == "stall":
            await asyncio.Event().wait()
        for frame in _ending(self._move):
            yield frame


def _frames(move: Move, prefix: str) -> Iterator[bytes]:
    for word in _words(move.reasoning):
        yield _chunk({"reasoning_content": word})
    for word in _words(move.text):
        yield _chunk({"content": word})
    for index, (name, arguments) in enumerate(move.calls):
        function = {"name": name, "arguments": ""}
        yield _chunk(
            {"tool_calls": [{"index": index, "id": f"{prefix}_{index}", "type": "function", "function": function}]}
        )
        written = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
        for start in range(0, len(written), ARGUMENT_CHARACTERS):
            part = written[start : start + ARGUMENT_CHARACTERS]
            yield _chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})


def _ending(move: Move) -> Iterator[bytes]:
    """The terminal frames, or what a failing provider sends in their place."""
    if move.failure == "cut":
        return
    if move.failure == "error":
        message = "The rehearsal engine was asked to fail."
        yield _frame({"error": {"message": message, "type": "server_error", "code": "server_error"}})
        return
    yield _chunk({}, FINISH_REASONS.get(move.failure, "tool_calls" if move.calls else "stop"))
    yield b"data: [DONE]\n\n"


def _words(text: str) -> list[str]:
    """About one token each: a word with the space after it."""
    return re.findall(r"\s*\S+\s*", text)


def _chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
    return _frame(_ENVELOPE | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})


def _frame(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"
