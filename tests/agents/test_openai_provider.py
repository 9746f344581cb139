"""The provider's client against a scripted server: every failure by its code, timeouts, cancel, what is sent."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from agents_app.engines.openai_provider import OpenAIClient
from agents_app.engines.settings import EngineSettings
from agents_app.types import CompletionRequest, EngineError, Message, Reply, Sink, ToolRequest
from tests.support import model_server as model
from tests.support.model_server import ModelServer
from tools_app.types import ToolSpec

HELLO = CompletionRequest((Message("user", "hello"),))
SHORT = EngineSettings(
    "test", "m-1", connect_timeout_seconds=1.0, first_token_timeout_seconds=0.3, stall_timeout_seconds=0.25
)


class Heard:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.text: list[str] = []
        self.reasoning: list[str] = []
        self.sink = Sink(self.text.append, self.reasoning.append)


@pytest.fixture(scope="module")
def shared_server() -> Iterator[ModelServer]:
    with ModelServer() as running:
        yield running


@pytest.fixture
def server(shared_server: ModelServer) -> ModelServer:
    shared_server.requests.clear()
    shared_server.headers.clear()
    shared_server.paths.clear()
    return shared_server


@pytest.fixture
async def client(server: ModelServer) -> AsyncIterator[OpenAIClient]:
    made = OpenAIClient(replace(SHORT, base_url=server.base_url, key="sk-verysecretkey0001"))
    yield made
    await made.close()


async def failing(client: OpenAIClient, request: CompletionRequest = HELLO) -> tuple[EngineError, Heard]:
    heard = Heard()
    with pytest.raises(EngineError) as caught:
        await client.complete(request, heard.sink)
    return caught.value, heard


async def test_an_answer_streams_and_is_returned_whole(server: ModelServer, client: OpenAIClient) -> None:
    server.script(model.reasoning("let me see", "hello world"))
    heard = Heard()

    reply = await client.complete(HELLO, heard.sink)

    assert "".join(heard.text) == reply.text == "hello world"
    assert "".join(heard.reasoning) == reply.reasoning == "let me see"
    assert (reply.finish_reason, reply.engine, reply.model) == ("stop", "test", "m-1")
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens, reply.usage.estimated) == (10, 5, False)
    assert 0 < reply.first_token_seconds < 1


async def test_calls_side_by_side(server: ModelServer, client: OpenAIClient) -> None:
    server.script(model.calls(("shell", {"command": "ls"}), ("shell", {"command": "pwd"}), words="Looking."))

    reply = await client.complete(HELLO, Heard().sink)

    assert reply.finish_reason == "tool_calls"
    assert [json.loads(call.arguments)["command"] for call in reply.tool_requests] == ["ls", "pwd"]
    assert len({call.id for call in reply.tool_requests}) == 2


async def test_the_request_is_what_providers_know(server: ModelServer, client: OpenAIClient) -> None:
    call = ToolRequest("c1", "shell", '{"command": "ls"}')
    broken = ToolRequest("c2", "shell", '{"command": "l')
    messages = (
        Message("system", "Be brief."),
        Message("user", "what is here?"),
        Message("assistant", "", (call, broken)),
        Message("tool", "a.txt", tool_call_id="c1"),
        Message("tool", "malformed", tool_call_id="c2"),
    )
    tool = ToolSpec("shell", "Runs.", {"type": "object", "properties": {"command": {"type": "string"}}})
    schema = {"type": "object", "properties": {}}

    await client.complete(CompletionRequest(messages, (tool,), response_schema=schema, max_tokens=7), Heard().sink)

    body = server.requests[0]
    assert (body["model"], body["stream"], body["max_tokens"]) == ("m-1", True, 7)
    assert body["stream_options"] == {"include_usage": True}
    assert body["tools"] == [
        {"type": "function", "function": {"name": "shell", "description": "Runs.", "parameters": tool.parameters}}
    ]
    assert body["response_format"]["json_schema"]["schema"] == schema
    said = body["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "tool", "tool"]
    assert said[2]["tool_calls"][0]["function"] == {"name": "shell", "arguments": call.arguments}
    assert json.loads(said[2]["tool_calls"][1]["function"]["arguments"]) == {"malformed": broken.arguments}
    assert said[3] == {"role": "tool", "tool_call_id": "c1", "content": "a.txt"}
    assert server.headers[0]["authorization"] == "Bearer sk-verysecretkey0001"


async def test_cost_comes_from_the_prices(server: ModelServer) -> None:
    settings = EngineSettings("test", "m", base_url=server.base_url, input_price=1_000_000, output_price=2_000_000)
    client = OpenAIClient(settings)
    server.script(model.text("two words"))

    reply = await client.complete(HELLO, Heard().sink)
    await client.close()

    assert reply.cost == 10 * 1 + 2 * 2
    assert server.headers[0]["authorization"] == "Bearer none"


async def test_usage_is_estimated_when_none_comes(server: ModelServer, client: OpenAIClient) -> None:
    server.script(model.text("four", usage=False))

    reply = await client.complete(HELLO, Heard().sink)

    assert reply.usage.estimated
    assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (2, 1)


async def test_a_server_of_ones_own_may_choose_the_model(server: ModelServer) -> None:
    client = OpenAIClient(EngineSettings("test", "", base_url=server.base_url))

    reply = await client.complete(HELLO, Heard().sink)
    await client.close()

    assert reply.model == server.requests[0]["model"] == "scripted"


async def test_azure_has_its_own_address_and_key(server: ModelServer) -> None:
    root = server.base_url.removesuffix("/v1")
    client = OpenAIClient(EngineSettings("azure", "my-deployment", root, "2024-10-21", key="azure-key"), azure=True)

    reply = await client.complete(HELLO, Heard().sink)
    await client.close()

    assert reply.text
    assert server.paths[0] == "/openai/deployments/my-deployment/chat/completions?api-version=2024-10-21"
    assert server.headers[0]["api-key"] == "azure-key"
    assert "max_completion_tokens" in server.requests[0]


FAILURES: list[tuple[str, Any, str, bool]] = [
    ("cut", model.cut(3), "stream_cut", True),
    ("abrupt", model.cut(3, abrupt=True), "stream_cut", True),
    ("nothing at all", model.raw(), "stream_cut", True),
    ("error frame", model.error_frame(), "engine_error", True),
    ("error as text", model.raw(model.frame({"error": "out of memory"})), "engine_error", True),
    (
        "error by number",
        model.raw(model.frame({"error": {"message": "slow down", "code": 429}})),
        "engine_rate_limited",
        True,
    ),
    ("not a stream", model.raw(b"data: <html>\n\n"), "engine_error", True),
    ("finish error", model.raw(model.chunk({}, "error"), model.DONE), "engine_error", True),
    ("filter", model.content_filter("some words"), "content_filter", False),
    ("context", model.context_too_long(), "context_too_long", False),
    (
        "context by words",
        model.status(400, {"error": {"message": "maximum context length is 10 tokens", "code": None}}),
        "context_too_long",
        False,
    ),
    ("too large", model.status(413), "context_too_long", False),
    ("bad request", model.status(400), "engine_bad_request", False),
    ("bad key", model.status(401), "engine_auth", False),
    ("forbidden", model.status(403), "engine_auth", False),
    ("no such model", model.status(404), "engine_not_found", False),
    ("busy", model.status(429), "engine_rate_limited", True),
    (
        "used up",
        model.status(429, {"error": {"message": "x", "code": "insufficient_quota"}}),
        "engine_rate_limited",
        False,
    ),
    ("broken", model.status(500), "engine_error", True),
    ("overloaded", model.status(503, b"<html>busy</html>"), "engine_error", True),
    ("gateway", model.status(504), "engine_timeout", True),
]


@pytest.mark.parametrize(
    ("reply", "code", "retryable"), [case[1:] for case in FAILURES], ids=[case[0] for case in FAILURES]
)
async def test_each_failure_has_its_code(
    server: ModelServer, client: OpenAIClient, reply: model.Reply, code: str, retryable: bool
) -> None:
    server.script(reply)

    error, _ = await failing(client)

    assert (error.code, error.retryable) == (code, retryable)
    assert error.message.endswith(".")
    assert len(server.requests) == 1


async def test_what_came_before_a_cut_has_been_heard(server: ModelServer, client: OpenAIClient) -> None:
    server.script(model.cut(3), model.cut(3, abrupt=True))

    for _ in range(2):
        _, heard = await failing(client)
        assert "".join(heard.text) == "word1 word2 word3 "


async def test_a_model_that_stops_is_noticed(server: ModelServer, client: OpenAIClient) -> None:
    server.script(model.stall(3))

    error, heard = await failing(client)

    assert error.code == "engine_stalled"
    assert "0.25 seconds" in error.message
    assert "".join(heard.text) == "word1 word2 word3 "


async def test_a_model_that_never_begins_is_noticed(server: ModelServer, client: OpenAIClient) -> None:
    server.script(model.stall(0), model.text("late").after(30))

    for _ in range(2):
        error, heard = await failing(client)
        assert (error.code, heard.text) == ("engine_timeout", [])


async def test_comments_do_not_hide_silence(server: ModelServer, client: OpenAIClient) -> None:
    server.script(replace(model.raw(*[b": processing\n\n"] * 20), pause_seconds=0.05))

    error, _ = await failing(client)

    assert error.code == "engine_timeout"


async def test_a_slow_but_steady_model_is_left_alone(server: ModelServer, client: OpenAIClient) -> None:
    server.script(model.text("one two three four five six", tokens_per_second=25))

    reply = await client.complete(HELLO, Heard().sink)

    assert reply.text == "one two three four five six"


async def test_an_end_is_an_end_even_when_the_connection_stays_open(server: ModelServer, client: OpenAIClient) -> None:
    done = replace(model.raw(model.chunk({"content": "all"}, "stop"), model.DONE), ending="stall")
    without_done = replace(model.raw(model.chunk({"content": "all"}, "stop")), ending="stall")
    torn = replace(model.raw(model.chunk({"content": "all"}, "stop")), ending="abrupt")

    for script in (done, without_done, torn):
        server.script(script)
        assert (await client.complete(HELLO, Heard().sink)).text == "all"


async def test_nobody_at_the_address(unused_tcp_port: int) -> None:
    client = OpenAIClient(replace(SHORT, base_url=f"http://127.0.0.1:{unused_tcp_port}/v1"))

    error, _ = await failing(client)
    await client.close()

    assert (error.code, error.retryable) == ("engine_unreachable", True)


async def test_a_key_that_no_header_can_hold() -> None:
    client = OpenAIClient(replace(SHORT, base_url="http://127.0.0.1:9/v1", key="schlüssel"))

    error, _ = await failing(client)
    await client.close()

    assert error.code == "engine_auth"


async def test_keys_stay_out_of_the_log_and_of_what_people_read(
    server: ModelServer, client: OpenAIClient, caplog: pytest.LogCaptureFixture
) -> None:
    told = "Incorrect API key provided: sk-verysecretkey0001. See <https://example.com>"
    server.script(model.status(401, {"error": {"message": told, "code": "invalid_api_key"}}))

    with caplog.at_level(logging.WARNING):
        error, _ = await failing(client)

    assert "sk-very" not in caplog.text + error.message + error.detail
    assert "invalid_api_key" in caplog.text
    assert "API key" not in error.message


async def test_stop_closes_the_request_at_once(server: ModelServer, client: OpenAIClient) -> None:
    before = len(server.closed_early)
    server.script(model.text("word " * 500, tokens_per_second=100))
    began = asyncio.Event()
    task = asyncio.create_task(client.complete(HELLO, Sink(lambda _: began.set(), lambda _: None)))
    await began.wait()

    stopped_at = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    closed = await asyncio.to_thread(server.wait_closed_early, before + 1)

    assert closed.at - stopped_at < 0.5
    assert closed.pieces < 100


async def test_a_stop_before_the_first_byte_closes_it_too(server: ModelServer) -> None:
    before = len(server.closed_early)
    client = OpenAIClient(EngineSettings("test", "m", base_url=server.base_url))
    server.script(model.text("late").after(30))
    task = asyncio.create_task(client.complete(HELLO, Heard().sink))
    await asyncio.to_thread(server.wait_request)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(server.wait_closed_early, before + 1)
    await client.close()


async def test_a_timeout_of_the_caller_is_the_callers(server: ModelServer) -> None:
    client = OpenAIClient(EngineSettings("test", "m", base_url=server.base_url))
    server.script(model.stall(1))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.complete(HELLO, Heard().sink)
    await client.close()


async def test_a_retired_client_finishes_what_it_has_begun(server: ModelServer) -> None:
    client = OpenAIClient(EngineSettings("test", "m", base_url=server.base_url))
    server.script(model.text("one two three", tokens_per_second=30))
    began = asyncio.Event()
    task = asyncio.create_task(client.complete(HELLO, Sink(lambda _: began.set(), lambda _: None)))
    await began.wait()

    client.retire()
    reply: Reply = await task

    assert reply.text == "one two three"
    assert client.closed


async def test_connections_are_used_again(server: ModelServer, client: OpenAIClient) -> None:
    before = server.connections
    for _ in range(3):
        await client.complete(HELLO, Heard().sink)

    assert server.connections == before + 1
