"""Our reading of a provider's bytes against the openai SDK's reading of the same bytes."""

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents_app.engines.chat_stream import ChatFold
from agents_app.engines.eventstream import MAX_EVENT_BYTES, EventStreamParser, EventTooLargeError
from agents_app.types import EngineError, Sink
from tests.agents.reference import Reading, Reference
from tests.support.replies import DONE, calls, chunk, error_frame, frame, reasoning, text, usage_chunk


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    sdk = Reference()
    yield sdk
    sdk.close()


def read(pieces: Sequence[bytes]) -> Reading:
    """Our reading; what the sink got must add up to the same text."""
    seen: dict[str, list[str]] = {"text": [], "reasoning": []}
    fold = ChatFold(Sink(seen["text"].append, seen["reasoning"].append))
    failed = False
    try:
        for piece in pieces:
            fold.feed(piece)
    except EngineError:
        failed = True
    fold.finish()
    assert "".join(seen["text"]) == fold.text
    assert "".join(seen["reasoning"]) == fold.reasoning
    usage = fold.reported_usage
    return Reading(
        text=fold.text,
        reasoning=fold.reasoning,
        calls=[(call.id, call.name, call.arguments) for call in fold.tool_requests],
        usage=(usage.prompt_tokens, usage.completion_tokens) if usage else None,
        finish_reason=fold.finish_reason,
        failed=failed,
    )


def cut_at(body: bytes, places: Sequence[int]) -> list[bytes]:
    """The body in pieces."""
    edges = [0, *sorted({place % (len(body) + 1) for place in places}), len(body)]
    return [body[start:end] for start, end in pairwise(edges)]


TEXTS = st.text(max_size=12)
DELTAS = st.one_of(
    st.fixed_dictionaries({"content": TEXTS}),
    st.fixed_dictionaries({"reasoning_content": TEXTS}),
    st.fixed_dictionaries({"reasoning": TEXTS, "content": st.none()}),
    st.fixed_dictionaries({"role": st.just("assistant"), "content": st.just("")}),
)
FRAGMENTS = st.builds(
    lambda index, arguments: {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]},
    st.integers(0, 2),
    TEXTS,
)
NOISE = st.sampled_from([b": keepalive\n\n", b":\n", b"\n", b"event: message\n", b"retry: 10\ndata: {}\n\n"])


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A whole stream: text, reasoning, up to three calls with interleaved fragments, usage, noise, an end."""
    events = [chunk(delta) for delta in draw(st.lists(DELTAS, max_size=8))]
    for index in range(draw(st.integers(0, 3))):
        first = {"index": index, "id": f"call_{index}", "function": {"name": f"tool{index}", "arguments": ""}}
        events.append(chunk({"tool_calls": [first]}))
    if len(events) and draw(st.booleans()) and b"call_2" in b"".join(events):
        events += [chunk(fragment) for fragment in draw(st.lists(FRAGMENTS, max_size=8))]
    events.append(chunk({}, draw(st.sampled_from(["stop", "length", "tool_calls"]))))
    if draw(st.booleans()):
        events.append(usage_chunk(draw(st.integers(0, 99)), draw(st.integers(0, 99))))
    if draw(st.booleans()):
        events.insert(draw(st.integers(0, len(events))), frame({"error": {"message": "no", "code": "server_error"}}))
    events.append(DONE)
    noisy = [draw(NOISE) + event if draw(st.booleans()) else event for event in events]
    ending = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    return b"".join(noisy).replace(b"\n", ending)


@given(body=bodies(), places=st.lists(st.integers(0, 100_000), max_size=30))
@settings(max_examples=150, deadline=None)
def test_we_read_what_the_sdk_reads(reference: Reference, body: bytes, places: list[int]) -> None:
    pieces = cut_at(body, places)

    assert read(pieces) == reference.read(pieces)


@pytest.mark.parametrize(
    "reply",
    [
        text("hello wörld 👋"),
        reasoning("first this", "then that"),
        reasoning("first this", "then that", field="reasoning"),
        calls(("shell", {"command": "ls"}), ("read_file", {"path": "ä.txt"}), words="Looking."),
        error_frame(),
    ],
    ids=["text", "reasoning_content", "reasoning", "calls", "error"],
)
def test_every_byte_on_its_own_makes_no_difference(reference: Reference, reply: Any) -> None:
    body = b"".join(reply.pieces)
    bytewise = [bytes([value]) for value in body]

    ours = read(bytewise)

    assert ours == read([body]) == reference.read(bytewise)
    assert ours.text or ours.calls


def test_data_may_have_several_lines(reference: Reference) -> None:
    value = {"choices": [{"index": 0, "delta": {"content": "over\nlines"}, "finish_reason": "stop"}]}
    lines = json.dumps(value, indent=1).split("\n")
    body = b"".join(b"data: " + line.encode() + b"\n" for line in lines) + b"\n" + DONE

    assert read([body]) == reference.read([body])
    assert read([body]).text == "over\nlines"


def test_what_follows_the_last_empty_line_is_no_event(reference: Reference) -> None:
    body = chunk({"content": "whole "}) + chunk({"content": "torn"}).rstrip(b"\n")

    assert read([body]) == reference.read([body])
    assert read([body]).text == "whole "


def test_half_a_character_waits_for_its_other_half() -> None:
    halves = [
        rb'data: {"choices":[{"delta":{"content":"\ud83d"}}]}',
        rb'data: {"choices":[{"delta":{"content":"\ude00!"}}]}',
    ]
    pieces = [half + b"\n\n" for half in halves]

    assert read(pieces).text == "😀!"
    assert read(pieces[:1]).text == "\ufffd"


def test_nul_and_lone_halves_are_replaced() -> None:
    assert read([rb'data: {"choices":[{"delta":{"content":"a\u0000b\udc00c"}}]}' + b"\n\n"]).text == "a\ufffdb\ufffdc"


def test_servers_that_give_no_index_or_always_zero() -> None:
    whole = [
        {"id": "a", "function": {"name": "one", "arguments": "{}"}},
        {"id": "b", "function": {"name": "two", "arguments": {"x": 1}}},
    ]
    zero = [chunk({"tool_calls": [{"index": 0, **call}]}) for call in whole]
    none = [chunk({"tool_calls": whole})]

    for pieces in (zero, none):
        assert read(pieces).calls == [("a", "one", "{}"), ("b", "two", '{"x": 1}')]


def test_a_call_without_an_id_gets_one_of_its_own() -> None:
    fragments = [{"index": index, "function": {"name": "one", "arguments": "{}"}} for index in (0, 1)]

    first, second = read([chunk({"tool_calls": fragments})]).calls

    assert first[0].startswith("call_")
    assert first[0] != second[0]


@pytest.mark.parametrize(
    "data",
    [
        b"not json",
        b"[1, 2]",
        b'{"choices": 3}',
        b'{"choices": [{"delta": "x"}]}',
        b'{"choices":[{"delta":{"tool_calls":[1]}}]}',
    ],
)
def test_what_is_no_chunk_ends_the_stream(data: bytes) -> None:
    fold = ChatFold(Sink(lambda _: None, lambda _: None))

    with pytest.raises(EngineError) as caught:
        fold.feed(b"data: " + data + b"\n\n")

    assert caught.value.code == "engine_error"


def test_content_in_parts_is_text() -> None:
    assert read([chunk({"content": [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]})]).text == "hello"


def test_a_flood_without_an_end_of_line_is_refused() -> None:
    parser = EventStreamParser()
    piece = b"x" * (1024 * 1024)
    for _ in range(MAX_EVENT_BYTES // len(piece)):
        parser.feed(piece)

    with pytest.raises(EventTooLargeError):
        parser.feed(b"x")


def test_a_long_answer_in_short_lines_is_no_flood() -> None:
    parser = EventStreamParser()
    line = b"data: " + b"x" * 1000 + b"\n\n"

    count = sum(len(parser.feed(line * 100)) for _ in range(100))

    assert count == 10_000


def test_usage_is_estimated_when_the_provider_counts_nothing() -> None:
    fold = ChatFold(Sink(lambda _: None, lambda _: None))
    fold.feed(chunk({"content": "x" * 41}))

    usage = fold.usage(prompt_characters=400)

    assert (usage.prompt_tokens, usage.completion_tokens, usage.estimated) == (100, 11, True)
