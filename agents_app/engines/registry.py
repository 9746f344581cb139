"""Which provider has which client, and the clients that are shared: one for each engine and event loop."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID
from weakref import WeakKeyDictionary

from agents_app.engines.settings import EngineSettings
from agents_app.types import CompletionRequest, EngineError, Message, Sink
from agentsite import env
from agentsite.core.crypto import SecretUnreadableError, decrypt

if TYPE_CHECKING:
    from agents_app.engines.openai_provider import OpenAIClient
    from agents_app.models import Engine

log = logging.getLogger(__name__)
PROBE_SECONDS = 5.0
TRIAL = CompletionRequest((Message("user", "Say hello in one word."),), max_tokens=256)


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """Whether an engine answers, in a sentence for operators, and how long it took."""

    ok: bool
    sentence: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Shared:
    updated_at: datetime
    client: "OpenAIClient"


_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[UUID, _Shared]] = WeakKeyDictionary()


def client_for(engine: "Engine") -> "OpenAIClient":
    """The shared client of an Engine row on the running loop; a changed row gets a new one. Raises EngineError."""
    clients = _shared.setdefault(asyncio.get_running_loop(), {})
    known = clients.get(engine.id)
    if known is not None and known.updated_at == engine.updated_at:
        return known.client
    client = build_client(engine)
    clients[engine.id] = _Shared(engine.updated_at, client)
    if known is not None:
        known.client.retire()
    return client


async def close_all() -> None:
    """Close the clients of the running loop."""
    for shared in _shared.pop(asyncio.get_running_loop(), {}).values():
        await shared.client.close()


async def probe(engine: "Engine", *, timeout_seconds: float = PROBE_SECONDS) -> EngineHealth:
    """Ask an engine for its models, which costs nothing; where that is not offered, for one short answer."""
    return await _examine(engine, _list_or_try, timeout_seconds)


async def try_engine(engine: "Engine") -> EngineHealth:
    """Ask an engine for one short answer."""
    return await _examine(engine, _try, engine.first_token_timeout_seconds)


async def _examine(
    engine: "Engine", question: Callable[["OpenAIClient"], Awaitable[str]], timeout_seconds: float
) -> EngineHealth:
    began = time.monotonic()
    ok, sentence = False, f"“{engine.name}” did not answer within {timeout_seconds:g} seconds."
    try:
        async with asyncio.timeout(timeout_seconds), _own_client(engine) as client:
            sentence = await question(client)
            ok = True
    except EngineError as error:
        sentence = f"“{engine.name}”: {error.message}"
        if error.detail:
            sentence += f" ({error.detail})"
    except TimeoutError:
        pass
    return EngineHealth(ok, sentence, time.monotonic() - began)


async def _list_or_try(client: "OpenAIClient") -> str:
    try:
        await client.list_models()
    except EngineError as error:
        if error.code != "engine_not_found":
            raise
        return await _try(client)
    return f"“{client.settings.name}” can be reached."


async def _try(client: "OpenAIClient") -> str:
    reply = await client.complete(TRIAL, Sink(text=lambda _: None, reasoning=lambda _: None))
    return f"“{client.settings.name}” answered as {reply.model} after {reply.first_token_seconds:.1f} s."


@asynccontextmanager
async def _own_client(engine: "Engine") -> "AsyncIterator[OpenAIClient]":
    """A client for one question, closed after it: who asks may be on a loop that ends at once."""
    client = build_client(engine)
    try:
        yield client
    finally:
        await client.close()


def warm_up() -> None:
    """Import what talks to models now, rather than while the first person waits for an answer."""
    import openai.resources.chat

    from agents_app.engines import openai_provider

    log.debug("openai %s is ready", openai.__version__)
    del openai_provider


def build_client(engine: "Engine") -> "OpenAIClient":
    """A new client of an Engine row. Raises EngineError when its key cannot be read."""
    return _PROVIDERS[engine.provider](_settings(engine))


def _settings(engine: "Engine") -> EngineSettings:
    return EngineSettings(
        name=engine.name,
        model=engine.model,
        base_url=engine.base_url,
        api_version=engine.api_version,
        key=_key(engine),
        output_tokens=engine.output_tokens,
        input_price=engine.input_price,
        output_price=engine.output_price,
        connect_timeout_seconds=engine.connect_timeout_seconds,
        first_token_timeout_seconds=engine.first_token_timeout_seconds,
        stall_timeout_seconds=engine.stall_timeout_seconds,
    )


def _key(engine: "Engine") -> str:
    """The stored key, else the value of the variable that the row names."""
    if not engine.key_ciphertext:
        return env.key_variable(engine.key_variable) if engine.key_variable else ""
    try:
        return decrypt(engine.key_ciphertext)
    except SecretUnreadableError as error:
        sentence = "The stored key of this engine cannot be read any more. An administrator has to enter it again."
        raise EngineError("engine_auth", sentence, retryable=False) from error


def _openai(settings: EngineSettings) -> "OpenAIClient":
    from agents_app.engines.openai_provider import OpenAIClient

    return OpenAIClient(settings)


def _azure(settings: EngineSettings) -> "OpenAIClient":
    from agents_app.engines.openai_provider import OpenAIClient

    return OpenAIClient(settings, azure=True)


def _rehearsal(settings: EngineSettings) -> "OpenAIClient":
    from agents_app.engines.openai_provider import OpenAIClient
    from agents_app.engines.rehearsal.transport import URL, RehearsalTransport

    return OpenAIClient(replace(settings, base_url=URL), transport=RehearsalTransport())


# The SDK takes most of a second to import: only a process that talks to a model does.
_PROVIDERS: dict[str, Callable[[EngineSettings], "OpenAIClient"]] = {
    "openai": _openai,
    "azure": _azure,
    "rehearsal": _rehearsal,
}
