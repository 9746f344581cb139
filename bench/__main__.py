"""`python -m bench`: measure, print the report, write docs/performance.md."""

import argparse
import asyncio
import platform
import resource
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import aiohttp
import uvloop

from bench.dialects import Dialect, HtmlSocket, JsonSocket, PassThroughSocket
from bench.load import Plan
from bench.measurements import Bench
from bench.processes import CORES, LOAD_CORE, ROOT, SERVER_CORE, Server, free_port, pin
from bench.profiling import profiled
from bench.report import render
from bench.results import Results, Series
from bench.site import Site

LONG_CHAT = 2_000
WARMING = 20
RECONNECTING = 20
PARTS = ("pass-through", "json", "html", "other")
VERSIONS = ("django", "channels", "uvicorn", "uvloop", "websockets", "openai", "aiohttp")


class Run:
    """One run of the benchmark."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.plan = Plan(tokens=options.tokens, rate=options.rate, turns=options.turns)
        self.greedy = Plan(tokens=options.saturated_tokens, rate=0, turns=1, spread_seconds=0.1, limit_seconds=40)
        self.results = Results(" ".join(["python -m bench", *sys.argv[1:]]), _describe(self.plan, self.greedy))
        self._folder = folder
        self._port = free_port()
        self._model_url = f"http://127.0.0.1:{self._port}/v1"

    async def measure(self) -> Results:
        """Everything that was asked for."""
        began = time.monotonic()
        self.results.facts = _facts()
        pin(LOAD_CORE)
        arguments = ["-m", "bench.model", "--port", str(self._port)]
        with Server(arguments, self._port, LOAD_CORE, self._folder / "model.log", {}):
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as self._http:
                if "pass-through" in self.options.parts:
                    await self._pass_through()
                if set(self.options.parts) & {"json", "html", "other"}:
                    await self._site()
        self.results.seconds = time.monotonic() - began
        return self.results

    async def _pass_through(self) -> None:
        port = free_port()
        arguments = ["-m", "bench.baseline", "--port", str(port), "--model-url", self._model_url]
        with Server(arguments, port, SERVER_CORE, self._folder / "pass-through.log", {}) as server:
            bench = Bench(server, self._http, self._model_url, None)
            await self._warm(bench, PassThroughSocket(), [""] * WARMING)
            levels = self.options.pass_through_levels
            await self._series(self.results.pass_through, bench, PassThroughSocket(), levels, None)

    async def _site(self) -> None:
        site = Site(self._folder, self._model_url)
        options = self.options
        needed = sum(options.levels) + sum(options.html_levels) + options.idle + 5 * max(100, options.saturated) + 100
        _say(f"making the site and {needed:,} sessions")
        site.prepare(needed, LONG_CHAT)
        json_socket = JsonSocket(site.token)
        if {"json", "other"} & set(options.parts):
            with site.serve("json") as server:
                self.results.start_seconds = server.start_seconds
                await self._on_json(site, Bench(server, self._http, self._model_url, site.database), json_socket)
        if "html" in options.parts:
            with site.serve("html") as server:
                bench = Bench(server, self._http, self._model_url, site.database)
                html_socket = HtmlSocket(site.cookie, bench.address)
                await self._warm(bench, html_socket, site.take(WARMING))
                await self._series(self.results.html, bench, html_socket, options.html_levels, site)

    async def _on_json(self, site: Site, bench: Bench, socket: JsonSocket) -> None:
        await self._warm(bench, socket, site.take(WARMING))
        if "other" in self.options.parts:
            _say(f"{self.options.idle:,} idle sockets")
            self.results.idle = await bench.idle(socket, site.take(self.options.idle))
        if "json" in self.options.parts:
            await self._series(self.results.json, bench, socket, self.options.levels, site)
        if "other" in self.options.parts:
            _say("reconnecting, requests beside 100 runs, stopping, a long chat")
            plan = Plan(tokens=self.plan.tokens, rate=self.plan.rate, turns=1, spread_seconds=1, reconnects=True)
            self.results.reconnect = await bench.level(socket, site.take(RECONNECTING), plan)
            self.results.busy = await bench.busy(socket, site.take(100), site.token, stops=20)
            self.results.opening = await bench.opening(socket, site.long_chat, site.cookie, LONG_CHAT)

    async def _warm(self, bench: Bench, dialect: Dialect, sessions: list[str]) -> None:
        """Let everything be imported and every cache be filled."""
        await bench.level(dialect, sessions, Plan(tokens=50, turns=1, spread_seconds=1))

    async def _series(
        self, series: Series, bench: Bench, dialect: Dialect, levels: list[int], site: Site | None
    ) -> None:
        def take(number: int) -> list[str]:
            return site.take(number) if site else [""] * number

        for number in levels:
            with profiled(bench.server.pid, self.options.profile, f"{series.name} {number}"):
                series.levels.append(await bench.level(dialect, take(number), self.plan))
            level = series.levels[-1]
            _say(
                f"{series.name}, {number} sessions: {level.cpu_per_1000:.3f} CPU s per 1,000 tokens, token delay p99 "
                f"{level.arrival.delay.p99:.0f} ms, first-token overhead p99 {level.arrival.first_token.p99:.0f} ms"
                f"{'' if level.arrival.exact else ', NOT EXACT'}"
            )
        if self.options.saturated:
            with profiled(bench.server.pid, self.options.profile, f"{series.name} saturated"):
                series.saturated = await bench.level(dialect, take(self.options.saturated), self.greedy)
            _say(f"{series.name}, saturated: {series.saturated.tokens_per_second:,.0f} tokens/s")


def _describe(plan: Plan, greedy: Plan) -> str:
    return (
        f"turns of {plan.tokens} tokens at {plan.rate:g} tokens/s, {plan.turns} a session, begun evenly over "
        f"{plan.spread_seconds:g} s; saturated: {greedy.tokens:,} tokens a session as fast as they are taken"
    )


def _facts() -> dict[str, str]:
    pinned = "server on one, load and model server on another" if len(CORES) > 1 else "everything on the same"
    named = (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name"))
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in VERSIONS)]
    load = _lines("/proc/loadavg")[0].split()[0]
    return {
        "Date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "Machine": f"{len(CORES)} cores ({pinned}), {next(named, platform.machine())}; load average before: {load}",
        "Versions": ", ".join(versions),
        "Site": "one process (`manage.py serve`), SQLite with synchronous=FULL, everything stored",
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",") if number]


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=list(PARTS), help=",".join(PARTS))
    parser.add_argument("--levels", type=_numbers, default=[1, 20, 100, 200, 400], help="sessions, JSON socket")
    parser.add_argument("--html-levels", type=_numbers, default=[1, 100, 200, 400], help="sessions, HTML socket")
    parser.add_argument("--pass-through-levels", type=_numbers, default=[1, 20, 100, 150, 200])
    parser.add_argument("--tokens", type=int, default=200, help="of a turn")
    parser.add_argument("--rate", type=float, default=50.0, help="tokens a second")
    parser.add_argument("--turns", type=int, default=2, help="of a session")
    parser.add_argument("--saturated", type=int, default=100, help="sessions that take all they can; 0: none")
    parser.add_argument("--saturated-tokens", type=int, default=500)
    parser.add_argument("--idle", type=int, default=1_000, help="idle sockets")
    parser.add_argument("--profile", type=Path, help="a folder for profiles of each level, made by py-spy")
    parser.add_argument("--keep", action="store_true", help="keep the data directory and the logs")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "performance.md", help="where the report goes")
    return parser.parse_args(arguments)


def main() -> None:
    """Measure and report; children and data are gone at the end."""
    options = _parse(sys.argv[1:])
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 20_000)), hard))
    folder = Path(tempfile.mkdtemp(prefix="agentsite-bench-"))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = render(runner.run(Run(options, folder).measure()))
    finally:
        if options.keep:
            _say(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    print(report)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(report)


if __name__ == "__main__":
    main()
