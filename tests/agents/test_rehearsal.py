"""The rehearsal engine's sentences, each through the real client, parser and timeouts."""

import ast
import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agents_app.engines.openai_provider import OpenAIClient
from agents_app.engines.rehearsal.moves import FAILURES
from agents_app.engines.rehearsal.sentences import EXAMPLES, arithmetic, read_moves
from agents_app.engines.rehearsal.transport import RehearsalTransport
from agents_app.engines.settings import EngineSettings
from agents_app.types import CompletionRequest, EngineError, Message, Reply, Sink
from tools_app import registry
from tools_app.types import ToolSpec

TOOLS = tuple(ToolSpec(tool.name, tool.description, registry.parameters(tool)) for tool in registry.list_tools())
QUIET = Sink(lambda _: None, lambda _: None)


class Talk:
    """A conversation with the engine, in which the test plays the tools."""

    def __init__(self, client: OpenAIClient) -> None:
        self.client = client
        self.messages: list[Message] = []
        self.reply = Reply("")

    async def say(self, text: str, tools: tuple[ToolSpec, ...] = TOOLS) -> Reply:
        self.messages.append(Message("user", text))
        return await self._complete(tools)

    async def give(self, *results: str, tools: tuple[ToolSpec, ...] = TOOLS) -> Reply:
        calls = self.reply.tool_requests
        assert len(calls) == len(results)
        self.messages += [
            Message("tool", content, tool_call_id=call.id) for call, content in zip(calls, results, strict=True)
        ]
        return await self._complete(tools)

    async def _complete(self, tools: tuple[ToolSpec, ...]) -> Reply:
        self.reply = await self.client.complete(CompletionRequest(self.messages, tools), QUIET)
        self.messages.append(Message("assistant", self.reply.text, self.reply.tool_requests))
        return self.reply


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    settings = EngineSettings("Rehearsal", "rehearsal", first_token_timeout_seconds=0.2, stall_timeout_seconds=0.2)
    client = OpenAIClient(settings, transport=RehearsalTransport())
    yield Talk(client)
    await client.close()


async def beginning(sentence: str, pieces: int) -> list[str]:
    """The first pieces of an answer, then it is stopped; a piece of reasoning is only named."""
    heard: list[str] = []
    enough = asyncio.Event()

    def hear(piece: str) -> None:
        heard.append(piece)
        if len(heard) == pieces:
            enough.set()

    client = OpenAIClient(EngineSettings("Rehearsal", "rehearsal"), transport=RehearsalTransport())
    request = CompletionRequest([Message("user", sentence)])
    task = asyncio.create_task(client.complete(request, Sink(hear, lambda _: hear("reasoning"))))
    await enough.wait()
    task.cancel()
    await asyncio.wait({task})
    await client.close()
    return heard


def called(reply: Reply) -> list[tuple[str, dict[str, Any]]]:
    return [(call.name, json.loads(call.arguments)) for call in reply.tool_requests]


async def test_arithmetic_is_done_by_real_code(talk: Talk, capsys: pytest.CaptureFixture[str]) -> None:
    reply = await talk.say("What is 17% of 2,340? Use Python.")
    [(name, arguments)] = called(reply)
    exec(arguments["code"], {})
    printed = capsys.readouterr().out

    answer = await talk.give(printed)

    assert (name, printed) == ("python", "397.8\n")
    assert "397.8" in answer.text


@pytest.mark.parametrize(
    ("sentence", "value"),
    [
        ("what is 2+2", 4),
        ("2 + 2 = ?", 4),
        ("How much is 12 times 12?", 144),
        ("(3 + 4) * 5", 35),
        ("what is 2 to the power of 10", 1024),
        ("please compute 1,000 divided by 8", 125),
        ("what is 15 percent of 80?", 12),
        ("3 x 4", 12),
        ("What is -3 - 4?", -7),
    ],
)
def test_arithmetic_in_words(sentence: str, value: float) -> None:
    expression = arithmetic(sentence)

    assert expression is not None
    assert eval(compile(ast.parse(expression, mode="eval"), "test", "eval")) == pytest.approx(value)


@pytest.mark.parametrize("sentence", ["I am 30 years old", "call 555-", "hello", "version 1.2", "on 1, 2 and 3"])
def test_not_every_number_is_arithmetic(sentence: str) -> None:
    assert arithmetic(sentence) is None


async def test_two_commands_are_two_calls_at_once(talk: Talk) -> None:
    reply = await talk.say("Run `date` and `ls -la`")
    answer = await talk.give("Monday", "a.txt\nb.txt")

    assert called(reply) == [("shell", {"command": "date"}), ("shell", {"command": "ls -la"})]
    assert len({call.id for call in reply.tool_requests}) == 2
    assert answer.tool_requests == ()
    assert "Monday" in answer.text
    assert "a.txt\nb.txt" in answer.text


@pytest.mark.parametrize(
    ("sentence", "call"),
    [
        ("write hello to notes.txt", ("write_file", {"path": "notes.txt", "content": "hello\n"})),
        ('Write "a: b" to dir/x.md.', ("write_file", {"path": "dir/x.md", "content": "a: b\n"})),
        ("read notes.txt", ("read_file", {"path": "notes.txt"})),
        ("Please read the file `dir/x.md`", ("read_file", {"path": "dir/x.md"})),
        ("list files", ("list_files", {})),
        ("List the files in src/", ("list_files", {"path": "src/"})),
        ("edit notes.txt: replace a with b", ("edit_file", {"path": "notes.txt", "old": "a", "new": "b"})),
        ("run `echo then`", ("shell", {"command": "echo then"})),
    ],
)
async def test_files_and_commands(talk: Talk, sentence: str, call: tuple[str, dict[str, Any]]) -> None:
    assert called(await talk.say(sentence)) == [call]


async def test_one_thing_after_the_other(talk: Talk) -> None:
    first = await talk.say("Write hello to notes.txt, then read it back.")
    second = await talk.give("Wrote 6 bytes to notes.txt.")
    answer = await talk.give("hello")

    assert [called(first)[0][0], called(second)[0][0]] == ["write_file", "read_file"]
    assert "hello" in answer.text
    assert first.tool_requests[0].id != second.tool_requests[0].id


async def test_a_form_of_every_kind(talk: Talk) -> None:
    reply = await talk.say("Ask me for the facts of a trip")
    [(name, arguments)] = called(reply)
    answer = await talk.give(
        json.dumps({"name": "Ada", "days": 3, "insured": True, "passphrase": "⟨secret:passphrase⟩"})
    )

    assert name == "ask_user"
    assert {field["type"] for field in arguments["fields"]} == {"text", "number", "choice", "checkbox", "secret"}
    assert "- days: 3" in answer.text
    assert "- insured: yes" in answer.text


async def test_a_secret_is_passed_on_as_its_name(talk: Talk) -> None:
    await talk.say("Ask me for a secret, then run `echo ${#PASSPHRASE}` with the secret passphrase")
    reply = await talk.give('{"passphrase": "⟨secret:passphrase⟩"}')

    assert called(reply) == [
        ("shell", {"command": "echo ${#PASSPHRASE}", "env": {"PASSPHRASE": "⟨secret:passphrase⟩"}})
    ]


async def test_every_call_fits_the_real_tools(talk: Talk) -> None:
    for sentence, _ in EXAMPLES:
        for move in read_moves(sentence):
            for name, arguments in move.calls:
                tool = registry.get_tool(name)
                assert tool is not None, name
                tool.arguments.model_validate(arguments)


async def test_a_refusal_is_told(talk: Talk) -> None:
    await talk.say("Edit notes.txt: replace a with b")

    assert (await talk.give("The person refused this call.")).text == "The person refused this call."


async def test_a_tool_that_is_missing_is_named(talk: Talk) -> None:
    reply = await talk.say("Run `ls`", tools=())

    assert reply.tool_requests == ()
    assert "`shell`" in reply.text


async def test_thinking_comes_before_the_answer() -> None:
    heard = await beginning("Think about tea", 1)

    assert heard == ["reasoning"]
    [move] = read_moves("Think about tea")
    assert "tea" in move.reasoning
    assert move.text


@pytest.mark.parametrize("count", [1, 12, 200, 9_999])
def test_exactly_so_many_words(count: int) -> None:
    [move] = read_moves(f"Write {count:,} words")

    assert len(move.text.split()) == count


def test_no_more_than_ten_thousand_words_nor_faster_than_allowed() -> None:
    [move] = read_moves("write 999999 words at 99999 a second")

    assert len(move.text.split()) == 10_000
    assert move.words_per_second == 2_000


async def test_words_come_at_their_pace(talk: Talk) -> None:
    began = time.monotonic()
    reply = await talk.say("Write 40 words at 200 a second")
    took = time.monotonic() - began

    assert len(reply.text.split()) == 40
    assert 0.19 < took < 2


EXPECTED = {
    "error": "engine_error",
    "cut": "stream_cut",
    "stall": "engine_stalled",
    "silence": "engine_timeout",
    "filter": "content_filter",
    "context": "context_too_long",
    "busy": "engine_rate_limited",
    "key": "engine_auth",
    "unreachable": "engine_unreachable",
}


@pytest.mark.parametrize(("name", "code"), EXPECTED.items())
async def test_failures_are_real(talk: Talk, name: str, code: str) -> None:
    with pytest.raises(EngineError) as caught:
        await talk.say(f"Fail with {name}")

    assert caught.value.code == code


def test_every_failure_is_tried_somewhere() -> None:
    assert set(FAILURES) == set(EXPECTED) | {"length", "empty", "malformed", "unknown tool", "loop"}


async def test_failures_that_the_agent_has_to_notice(talk: Talk) -> None:
    assert (await talk.say("Fail with length")).finish_reason == "length"
    empty = await talk.say("Fail with empty")
    assert (empty.text, empty.tool_requests) == ("", ())


async def test_malformed_arguments_and_an_unknown_tool(talk: Talk) -> None:
    reply = await talk.say("Fail with malformed arguments")
    with pytest.raises(ValueError, match="Unterminated"):
        json.loads(reply.tool_requests[0].arguments)
    assert "not a complete JSON object" in (await talk.give("The arguments were not a complete JSON object.")).text

    reply = await talk.say("Fail with an unknown tool")
    assert registry.get_tool(reply.tool_requests[0].name) is None


async def test_a_loop_has_no_end(talk: Talk) -> None:
    await talk.say("Fail with a loop")
    for _ in range(3):
        reply = await talk.give("(no files)")

    assert called(reply) == [("list_files", {})]


async def test_anything_else_is_answered_honestly() -> None:
    [move] = read_moves("Show markdown")
    assert "```python" in move.text
    assert read_moves("hello there") == []

    heard = await beginning("hello there", 10)

    assert "".join(heard).startswith("I am the rehearsal engine built into agentsite: no ")


async def test_the_same_question_gets_the_same_answer(talk: Talk) -> None:
    first = await talk.say("List files")
    again = await talk.client.complete(CompletionRequest(talk.messages[:1], TOOLS), QUIET)

    assert first.tool_requests == again.tool_requests


async def test_models_can_be_listed(talk: Talk) -> None:
    assert await talk.client.list_models() == ["rehearsal"]
