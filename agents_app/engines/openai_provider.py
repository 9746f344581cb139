"""OpenAI, Azure OpenAI and every server that speaks their protocol (Ollama, vLLM, llama.cpp, gateways).

Requests, authentication and HTTP errors are the openai SDK's; the stream is read by our own parser, because the SDK's
object for each chunk is two thirds of all the work of a streaming site (DESIGN.md section 9). Most of what is left was
HTTP: 55 µs a token with the SDK's default transport, 20 in all with aiohttp, which the SDK offers for this.
"""

import asyncio
import ipaddress
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import aiohttp
import httpx2
import openai

from agents_app.engines.chat_request import chat_body, prompt_characters
from agents_app.engines.chat_stream import ChatFold
from agents_app.engines.failures import failure, failure_of_body, timed_out
from agents_app.engines.settings import EngineSettings
from agents_app.engines.watchdog import Watchdog
from agents_app.types import CompletionRequest, EngineError, Reply, Sink

log = logging.getLogger(__name__)
OPENAI_URL = "https://api.openai.com/v1"
NO_KEY = "none"
KEEPALIVE_SECONDS = 30.0
MAX_CONNECTIONS = 10_000
USAGE_SECONDS = 5.0
DRAIN_SECONDS = 0.1


class OpenAIClient:
    """The client of one Engine row: one pool of connections for all runs of an event loop."""

    def __init__(
        self, settings: EngineSettings, *, azure: bool = False, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self.settings = settings
        self._http = _http_client(settings, transport)
        self._sdk = _sdk_client(settings, self._http, azure=azure)
        self._model = settings.model
        self._active = 0
        self._retired = False
        self._closing: asyncio.Task[None] | None = None  # held, or the loop may drop it

    async def complete(self, request: CompletionRequest, sink: Sink) -> Reply:
        """Stream one answer into `sink` and return it whole. Raises EngineError; cancelling closes the request."""
        fold = ChatFold(sink)
        call = _Call(self.settings, fold)
        with self._in_use():
            try:
                await self._stream(request, call)
            except EngineError as error:
                log.warning("engine %s: %s: %s", self.settings.name, error.code, error.detail or error.message)
                raise
        return _reply(self.settings, self._model, request, call)

    async def list_models(self) -> list[str]:
        """The models that the provider offers, without using one. Raises EngineError."""
        with Watchdog(self.settings.first_token_timeout_seconds) as watchdog, self._in_use():
            try:
                page = await self._sdk.models.list()
            except openai.OpenAIError as error:
                raise failure_of(error) from error
            return [model.id for model in page.data or ()]
        raise timed_out(began=False, seconds=watchdog.seconds)

    async def _served_model(self) -> str:
        """The row's model; where it names none, as one may with a server that serves one, the first that is offered."""
        if not self._model:
            page = await self._sdk.models.list()
            if not page.data:
                raise failure("engine_not_found", "the server offers no model")
            self._model = page.data[0].id
        return self._model

    async def close(self) -> None:
        """Close the shared connections."""
        self._retired = True
        await self._http.aclose()

    def retire(self) -> None:
        """Close the connections when the last call that uses them has ended."""
        self._retired = True
        if not self._active:
            self._closing = asyncio.get_running_loop().create_task(self._http.aclose())

    @property
    def closed(self) -> bool:
        """Whether the connections are closed."""
        return self._http.is_closed

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        self._active += 1
        try:
            yield
        finally:
            self._active -= 1
            if self._retired:
                self.retire()

    async def _stream(self, request: CompletionRequest, call: "_Call") -> None:
        """One HTTP request from its start to its terminal frame."""
        with Watchdog(self.settings.first_token_timeout_seconds) as watchdog:
            try:
                body = chat_body(request, self.settings, await self._served_model())
                # As `extra_body` the request is sent as it is: the SDK's walk through 900 messages takes 130 ms.
                create = self._sdk.chat.completions.with_streaming_response.create
                async with create(model=body["model"], messages=(), stream=True, extra_body=body) as response:
                    await call.read(response.http_response.aiter_bytes(), watchdog)
            except openai.OpenAIError as error:
                raise failure_of(error) from error
            except UnicodeError as error:
                raise failure("engine_auth", "the key holds characters that no key has") from error
        if watchdog.expired and not call.ended:
            raise timed_out(began=call.fold.tokens_seen, seconds=watchdog.seconds)
        call.check_end()


class _Call:
    """The reading of one answer: moves the watchdog on, and knows whether the end was a good one."""

    def __init__(self, settings: EngineSettings, fold: ChatFold) -> None:
        self.fold = fold
        self.first_token_seconds = 0.0
        self._settings = settings
        self._began = time.monotonic()

    @property
    def ended(self) -> bool:
        """Whether a terminal frame came: the provider's word that the answer is whole."""
        return self.fold.done or bool(self.fold.finish_reason)

    async def read(self, pieces: AsyncIterator[bytes], watchdog: Watchdog) -> None:
        """Fold all pieces. Silence and comments move nothing; a connection that breaks after the end is no matter."""
        fold, stall = self.fold, self._settings.stall_timeout_seconds
        try:
            async for data in pieces:
                frames = fold.frames
                fold.feed(data)
                if fold.done:
                    watchdog.allow(DRAIN_SECONDS)
                elif fold.finish_reason:
                    watchdog.allow(min(USAGE_SECONDS, stall))
                elif fold.tokens_seen and fold.frames != frames:
                    watchdog.allow(stall)
                if fold.tokens_seen and not self.first_token_seconds:
                    self.first_token_seconds = time.monotonic() - self._began
        except (httpx2.HTTPError, aiohttp.ClientError) as error:
            if not self.ended:
                raise failure("stream_cut", repr(error)) from error

    def check_end(self) -> None:
        """Raise EngineError when the stream ended without a terminal frame, or with one that says why it failed."""
        if not self.ended:
            raise failure("stream_cut", f"no terminal frame after {self.fold.frames} events")
        if self.fold.finish_reason == "content_filter":
            raise failure("content_filter")
        if self.fold.finish_reason == "error":
            raise failure("engine_error", "finish_reason error")
        self.fold.finish()


def _reply(settings: EngineSettings, model: str, request: CompletionRequest, call: _Call) -> Reply:
    fold = call.fold
    usage = fold.usage(0 if fold.reported_usage else prompt_characters(request))
    cost = usage.prompt_tokens * settings.input_price + usage.completion_tokens * settings.output_price
    requests = fold.tool_requests
    ended = "tool_calls" if requests else "stop"
    return Reply(
        text=fold.text,
        reasoning=fold.reasoning,
        tool_requests=requests,
        finish_reason="length" if fold.finish_reason == "length" else ended,
        usage=usage,
        cost=cost / 1_000_000,
        engine=settings.name,
        model=model,
        first_token_seconds=call.first_token_seconds,
    )


def failure_of(error: openai.OpenAIError) -> EngineError:
    """An error of the SDK in the user's words."""
    if isinstance(error, openai.APIStatusError):
        return failure_of_body(error.status_code, error.body, error.message)
    if isinstance(error, openai.APIConnectionError):
        return failure("engine_unreachable", repr(error.__cause__ or error))
    return failure("engine_error", repr(error))


def _http_client(settings: EngineSettings, transport: httpx2.AsyncBaseTransport | None) -> httpx2.AsyncClient:
    """Runs are limited, connections are not; the watchdog times reads, because it tells a token from a comment."""
    return openai.DefaultAioHttpClient(
        transport=transport,
        timeout=httpx2.Timeout(settings.connect_timeout_seconds, read=None),
        limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=KEEPALIVE_SECONDS),
        follow_redirects=True,
        trust_env=not _is_loopback(settings.base_url),
    )


def _sdk_client(settings: EngineSettings, http: httpx2.AsyncClient, *, azure: bool) -> openai.AsyncOpenAI:
    key = settings.key or NO_KEY
    if azure:
        return openai.AsyncAzureOpenAI(
            api_key=key,
            azure_endpoint=settings.base_url,
            api_version=settings.api_version,
            azure_deployment=settings.model,
            http_client=http,
            max_retries=0,
        )
    return openai.AsyncOpenAI(api_key=key, base_url=settings.base_url or OPENAI_URL, http_client=http, max_retries=0)


def _is_loopback(url: str) -> bool:
    """A proxy from the environment is never asked for this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
