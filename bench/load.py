"""The load: clients that each follow one session, and turns that begin evenly spread over time."""

import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from bench.answer import prompt
from bench.dialects import RECONNECTED, Dialect, Form, Frame
from bench.websocket import RefusedError, Socket, connect

PAUSE_SECONDS = 0.25
OPENING_AT_ONCE = 20
Post = Callable[[Form], Awaitable[None]]


@dataclass(slots=True)
class Turn:
    """One question and the frames that came until the next."""

    key: str
    tokens: int
    sent_at: float = 0.0
    ended_at: float = 0.0
    frames: list[Frame] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What each client does: so many turns of so many tokens, each bounded in time."""

    tokens: int = 200
    rate: float = 50.0
    turns: int = 2
    spread_seconds: float = 4.0
    limit_seconds: float = 30.0
    reconnects: bool = False


class Client:
    """One client of one session."""

    def __init__(self, dialect: Dialect, port: int, session: str, post: Post) -> None:
        self.session = session
        self._dialect = dialect
        self._port = port
        self._post = post
        self._turn = Turn("", 0)
        self._ended = asyncio.Event()
        self._socket: Socket | None = None

    async def open(self, after: int | None = None) -> None:
        """Open the socket."""
        path = self._dialect.path(self.session, after)
        self._socket = await connect(self._port, path, self._dialect.headers(), self._hear, self._lose)

    def close(self) -> None:
        """Leave."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.close()

    async def ask(self, turn: Turn, rate: float) -> None:
        """Send a question; what comes from now on belongs to it."""
        self._turn = turn
        self._ended.clear()
        question = self._dialect.ask(self.session, prompt(turn.key, turn.tokens, rate))
        turn.sent_at = time.monotonic()
        if isinstance(question, Form):
            await self._post(question)
        else:
            self.send(question)

    async def end_of_turn(self) -> None:
        """The run's end, as this client is told."""
        await self._ended.wait()

    async def first_frame(self, mark: bytes) -> Frame:
        """The first frame that begins with this mark, waited for ten seconds."""
        async with asyncio.timeout(10):
            while True:
                for at, payload in self._turn.frames:
                    if mark in payload[:100]:
                        return at, payload
                await asyncio.sleep(0.005)

    def send(self, frame: str) -> None:
        """Send any frame."""
        assert self._socket is not None
        self._socket.send(frame)

    async def come_back(self) -> None:
        """Lose the connection and follow on from the last durable fact that came."""
        self.close()
        after = next((seq for _, payload in reversed(self._turn.frames) if (seq := json.loads(payload).get("seq"))), 0)
        self._turn.frames.append((time.monotonic(), RECONNECTED))
        await self.open(after)

    def _lose(self, socket: Socket) -> None:
        """The connection is gone; who did not mean it to is told."""
        if socket is self._socket:
            self._ended.set()

    def _hear(self, at: float, payload: bytes) -> None:
        turn = self._turn
        turn.frames.append((at, payload))
        if self._dialect.is_end(payload):
            turn.ended_at = at
            self._ended.set()


async def open_all(clients: Sequence[Client]) -> None:
    """Open all sockets, a few at once."""
    room = asyncio.Semaphore(OPENING_AT_ONCE)

    async def open_one(client: Client) -> None:
        async with room:
            await client.open()

    await asyncio.gather(*map(open_one, clients))


async def drive(clients: Sequence[Client], plan: Plan, name: str) -> list[Turn]:
    """Let every client take its turns; a turn that is not over in time has a problem, and its client gives up."""
    gc.collect()
    gc.disable()
    try:
        number = len(clients)
        begins = (plan.spread_seconds * index / number for index in range(number))
        taken = [
            _converse(client, plan, f"{name}-{index}", begin)
            for index, (client, begin) in enumerate(zip(clients, begins, strict=True))
        ]
        return [turn for turns in await asyncio.gather(*taken) for turn in turns]
    finally:
        gc.enable()


async def _converse(client: Client, plan: Plan, name: str, begin: float) -> list[Turn]:
    await asyncio.sleep(begin)
    turns: list[Turn] = []
    for number in range(plan.turns):
        turn = Turn(f"{name}-{number}", plan.tokens)
        turns.append(turn)
        try:
            async with asyncio.timeout(plan.limit_seconds):
                await client.ask(turn, plan.rate)
                await _watch(client, plan)
            if not turn.ended_at:
                raise RefusedError("the server closed the socket")
        except (TimeoutError, OSError, RefusedError) as error:
            turn.problem = f"{type(error).__name__} {error}".strip()
            client.close()
            break
        await asyncio.sleep(PAUSE_SECONDS)
    return turns


async def _watch(client: Client, plan: Plan) -> None:
    """Wait for the end of a turn; a client that reconnects does so in the middle."""
    if plan.reconnects:
        middle = plan.tokens / plan.rate / 2
        with suppress(TimeoutError):
            await asyncio.wait_for(client.end_of_turn(), middle)
        await client.come_back()
    await client.end_of_turn()
