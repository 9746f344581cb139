"""The openai SDK's own reading of a stream: what ours is compared with."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from agentsite.core.text import clean_text


@dataclass
class Reading:
    """What a reader made of a stream."""

    text: str = ""
    reasoning: str = ""
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    usage: tuple[int, int] | None = None
    finish_reason: str = ""
    failed: bool = False


class Pieces(httpx2.SyncByteStream):
    """A body that arrives in these pieces."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


class Reference:
    """A client of the SDK whose network is a list of pieces."""

    def __init__(self) -> None:
        self._pieces: Sequence[bytes] = ()
        transport = httpx2.MockTransport(self._answer)
        self._client = openai.OpenAI(
            api_key="none",
            base_url="http://model.test/v1",
            http_client=httpx2.Client(transport=transport),
            max_retries=0,
        )

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Pieces(self._pieces))

    def close(self) -> None:
        """Close the client."""
        self._client.close()

    def read(self, pieces: Sequence[bytes]) -> Reading:
        """The SDK's reading of a body."""
        self._pieces = pieces
        reading = Reading()
        texts: list[str] = []
        thoughts: list[str] = []
        calls: dict[int, list[str]] = {}
        stream = self._client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "x"}], stream=True
        )
        try:
            for chunk in stream:
                _fold(chunk, reading, texts, thoughts, calls)
        except openai.APIError:
            reading.failed = True
        reading.text, reading.reasoning = _clean(texts), _clean(thoughts)
        reading.calls = [(call_id, name, _clean([arguments])) for call_id, name, arguments in calls.values()]
        return reading


def _clean(parts: list[str]) -> str:
    whole, held = clean_text("".join(parts))
    return whole + ("\ufffd" if held else "")


def _fold(
    chunk: ChatCompletionChunk, reading: Reading, texts: list[str], thoughts: list[str], calls: dict[int, list[str]]
) -> None:
    if chunk.usage:
        reading.usage = (chunk.usage.prompt_tokens, chunk.usage.completion_tokens)
    if not chunk.choices:
        return
    choice = chunk.choices[0]
    reading.finish_reason = choice.finish_reason or reading.finish_reason
    texts.append(choice.delta.content or "")
    extra = choice.delta.model_extra or {}
    thoughts.append(extra.get("reasoning_content") or extra.get("reasoning") or "")
    for fragment in choice.delta.tool_calls or ():
        call = calls.setdefault(fragment.index, ["", "", ""])
        call[0] = call[0] or fragment.id or ""
        if fragment.function:
            call[1] = call[1] or fragment.function.name or ""
            call[2] += fragment.function.arguments or ""
