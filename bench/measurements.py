"""What is measured on one server. Each measurement is bounded in time and leaves no run behind."""

import asyncio
import json
import math
import time
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.dialects import Dialect, Form
from bench.figures import Exchanges, Level, Spread, arrival, spread
from bench.load import Client, Plan, Turn, drive, open_all
from bench.processes import Server
from bench.transactions import TransactionCounter

SETTLE_SECONDS = 0.5
STOP_PAUSE_SECONDS = 0.1
STOP_SECONDS = 20.0
CANCEL = json.dumps({"type": "cancel"})


@dataclass(frozen=True, slots=True)
class Idle:
    """What sockets cost on which nothing happens."""

    sockets: int
    kilobytes_each: float
    cpu_seconds_in_10: float
    warm_mb: float


@dataclass(frozen=True, slots=True)
class Busy:
    """What else goes on beside so many streaming runs."""

    runs: int
    status: Spread
    listing: Spread
    stop: Spread
    stops: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A long chat, opened: seconds for the page and for the socket's snapshot."""

    messages: int
    page_seconds: float
    page_kilobytes: float
    snapshot_seconds: float
    snapshot_kilobytes: float


class Bench:
    """One server under load."""

    def __init__(self, server: Server, http: aiohttp.ClientSession, model_url: str, database: Path | None) -> None:
        self.server = server
        self._http = http
        self._model_url = model_url
        self._database = database
        self.address = f"http://127.0.0.1:{server.port}"

    async def exchanges(self) -> Exchanges:
        """What the model server was asked since the last time, by key."""
        async with self._http.get(f"{self._model_url.removesuffix('/v1')}/log") as answer:
            return {exchange["key"]: exchange for exchange in await answer.json()}

    def clients(self, dialect: Dialect, sessions: Sequence[str]) -> list[Client]:
        """A client for each session."""
        return [Client(dialect, self.server.port, session, self._post) for session in sessions]

    async def level(self, dialect: Dialect, sessions: Sequence[str], plan: Plan) -> Level:
        """So many sessions that all go through the plan."""
        clients = self.clients(dialect, sessions)
        await open_all(clients)
        await asyncio.sleep(SETTLE_SECONDS)
        counter = TransactionCounter(self._database) if self._database else nullcontext()
        async with counter as counted:
            before = self.server.usage()
            turns = await drive(clients, plan, f"{dialect.name[:4]}{len(sessions)}")
            after = self.server.usage()
        memory = self.server.memory_bytes()
        for client in clients:
            client.close()
        ended = max((turn.ended_at for turn in turns), default=0) or after.at
        return Level(
            sessions=len(sessions),
            arrival=arrival(dialect, turns, await self.exchanges()),
            seconds=ended - before.at,
            cpu_seconds=after.cpu_seconds - before.cpu_seconds,
            memory_mb=memory / 1e6,
            transactions=counted.count / (after.at - before.at) if counted else 0.0,
        )

    async def idle(self, dialect: Dialect, sessions: Sequence[str]) -> Idle:
        """Sockets on which nothing happens for ten seconds."""
        warm = self.server.memory_bytes()
        clients = self.clients(dialect, sessions)
        await open_all(clients)
        await asyncio.sleep(2.0)
        before = self.server.usage()
        await asyncio.sleep(10.0)
        after = self.server.usage()
        each = (self.server.memory_bytes() - warm) / len(sessions) / 1024
        for client in clients:
            client.close()
        return Idle(len(sessions), each, after.cpu_seconds - before.cpu_seconds, warm / 1e6)

    async def busy(self, dialect: Dialect, sessions: Sequence[str], token: str, stops: int) -> Busy:
        """Requests to the API while all sessions stream; then some runs are stopped one by one, the others at once."""
        clients = self.clients(dialect, sessions)
        await open_all(clients)
        turns = [Turn(f"busy-{number}", 2_000) for number in range(len(clients))]
        for client, turn in zip(clients, turns, strict=True):
            await client.ask(turn, 50.0)
            await asyncio.sleep(0.02)
        await asyncio.sleep(1.0)
        headers = {"Authorization": f"Bearer {token}"}
        paths = [f"{self.address}/api/session/{session}" for session in sessions]
        status = await self._timed(paths, headers)
        listing = await self._timed([f"{self.address}/api/sessions"] * len(sessions), headers)
        asked = await self._stop(clients[:stops], turns[:stops], STOP_PAUSE_SECONDS)
        await self._stop(clients[stops:], turns[stops:], 0.0)
        exchanges = await self.exchanges()
        closed = [(exchanges[key]["closed_at"] or math.inf) - at for key, at in asked.items() if key in exchanges]
        for client in clients:
            client.close()
        return Busy(len(sessions), spread(status), spread(listing), spread(closed), len(closed))

    async def opening(self, dialect: Dialect, session: str, cookie: str, messages: int) -> Opening:
        """A long chat as a person and as a program open it; the middle of three."""
        pages = [await self._page(f"{self.address}/chat/{session}/", cookie) for _ in range(3)]
        snapshots = [await self._snapshot(dialect, session) for _ in range(3)]
        page, snapshot = sorted(pages)[1], sorted(snapshots)[1]
        return Opening(messages, page[0], page[1] / 1e3, snapshot[0], snapshot[1] / 1e3)

    async def _stop(self, clients: Sequence[Client], turns: Sequence[Turn], pause: float) -> dict[str, float]:
        """Stop these runs and wait for their ends, for a limited time; when each was asked to."""
        asked: dict[str, float] = {}
        for client, turn in zip(clients, turns, strict=True):
            asked[turn.key] = time.monotonic()
            client.send(CANCEL)
            await asyncio.sleep(pause)
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.gather(*(client.end_of_turn() for client in clients))
        return asked

    async def _timed(self, addresses: Sequence[str], headers: dict[str, str]) -> list[float]:
        """How long each request took; one after another, 25 ms apart."""
        taken = []
        for address in addresses:
            began = time.monotonic()
            async with self._http.get(address, headers=headers) as answer:
                await answer.read()
                answer.raise_for_status()
            taken.append(time.monotonic() - began)
            await asyncio.sleep(0.025)
        return taken

    async def _page(self, address: str, cookie: str) -> tuple[float, int]:
        began = time.monotonic()
        async with self._http.get(address, headers={"Cookie": cookie}, allow_redirects=False) as answer:
            body = await answer.read()
            answer.raise_for_status()
            if answer.status != 200:
                raise RuntimeError(f"{address} answered {answer.status}")
        return time.monotonic() - began, len(body)

    async def _snapshot(self, dialect: Dialect, session: str) -> tuple[float, int]:
        (client,) = self.clients(dialect, [session])
        began = time.monotonic()
        await client.open()
        at, payload = await client.first_frame(b'"initial_state"')
        client.close()
        return at - began, len(payload)

    async def _post(self, form: Form) -> None:
        async with self._http.post(self.address + form.path, data=form.fields, headers=form.headers) as answer:
            answer.raise_for_status()
