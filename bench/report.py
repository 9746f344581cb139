"""The report: DESIGN.md section 9's table for this site beside the pass-through, what is to be held, and all levels."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.figures import Level
from bench.results import Results, Series

Cells = Sequence[object]
_INTRODUCTION = (
    "Written by `make bench`, which measures this site beside a bare pass-through (uvicorn, the openai SDK's",
    "object for each chunk, a frame for each token, nothing stored) on the same machine. Trust the ratios;",
    "differences under 2× between delays are noise.",
)


@dataclass(frozen=True, slots=True)
class Target:
    """One figure to hold: `most` is True where it must not be over the limit, False where not under it."""

    name: str
    value: float | None
    limit: float
    unit: str
    most: bool = True

    @property
    def verdict(self) -> str:
        """Whether it is met, and by how much not."""
        if self.value is None:
            return "not measured"
        if (self.value <= self.limit) if self.most else (self.value >= self.limit):
            return "yes"
        over = self.value / self.limit if self.most else self.limit / max(self.value, 1e-9)
        return f"**no** ({over:.1f}×)" if self.limit else "**no**"


def render(results: Results) -> str:
    """The whole report as Markdown."""
    return "\n".join(
        [
            "# Performance",
            "",
            *_INTRODUCTION,
            "",
            *[f"- {name}: {value}" for name, value in results.facts.items()],
            f"- Command: `{results.command}`, {results.seconds:.0f} s",
            f"- Load: {results.plan}",
            "",
            "## Beside the pass-through",
            "",
            *_compare(results),
            "",
            "## What is to be held",
            "",
            *_table(
                ("figure", "to hold", "measured", "met"),
                [(t.name, _limit(t), _value(t.value, t.unit), t.verdict) for t in targets(results)],
            ),
            "",
            "## All levels",
            "",
            *_levels(results),
            "",
            *_notes(results),
            "",
        ]
    )


def targets(results: Results) -> list[Target]:
    """Every figure that section 9 sets and this benchmark measures."""
    json, html = results.json.at(100), results.html.at(100)
    found = [
        *_level_targets("JSON", json),
        *_level_targets("HTML", html),
        Target("sessions with all p99 ≤ 500 ms, JSON", results.json.most or None, 400, "", most=False),
        Target("sessions with all p99 ≤ 500 ms, HTML", results.html.most or None, 400, "", most=False),
        Target("saturated tokens/s, JSON", _throughput(results.json), 20_000, "", most=False),
        Target("saturated tokens/s, HTML", _throughput(results.html), 20_000, "", most=False),
        Target("tokens lost, doubled or late, all levels", _wrong(results), 0, ""),
        *_other_targets(results),
    ]
    alone = results.json.at(1)
    rate = alone.transactions if alone and alone.sessions == 1 else None
    return [*found, Target("transactions a second, one streaming run", rate, 6, "")]


def _level_targets(name: str, level: Level | None) -> list[Target]:
    arrival = level.arrival if level else None
    sessions = level.sessions if level else 100
    return [
        Target(
            f"CPU s per 1,000 tokens, {name}, {sessions} sessions", level.cpu_per_1000 if level else None, 0.08, "s"
        ),
        Target(f"token delay p99, {name}, {sessions} sessions", arrival.delay.p99 if arrival else None, 75, "ms"),
        Target(
            f"first-token overhead p99, {name}, {sessions} sessions",
            arrival.first_token.p99 if arrival else None,
            50,
            "ms",
        ),
    ]


def _other_targets(results: Results) -> list[Target]:
    idle, busy, opening, reconnect = results.idle, results.busy, results.opening, results.reconnect
    wrong = _wrong_of([reconnect]) if reconnect else None
    return [
        Target("tokens lost or doubled when every client reconnects", wrong, 0, ""),
        Target("stop: provider's request ended, p99", busy.stop.p99 if busy else None, 1_000, "ms"),
        Target("memory of an idle socket", idle.kilobytes_each if idle else None, 45, "kB"),
        Target("CPU of idle sockets, of one core", 10 * idle.cpu_seconds_in_10 if idle else None, 3, "%"),
        Target("memory, warm", idle.warm_mb if idle else None, 130, "MB"),
        Target("status of a session p99, 100 runs streaming", busy.status.p99 if busy else None, 30, "ms"),
        Target("list of sessions p99, 100 runs streaming", busy.listing.p99 if busy else None, 60, "ms"),
        Target("slowest API p95", max(busy.status.p95, busy.listing.p95) if busy else None, 200, "ms"),
        Target("page of a chat with 2,000 messages", opening.page_seconds if opening else None, 1, "s"),
        Target("its socket's snapshot", opening.snapshot_seconds if opening else None, 2, "s"),
        Target("start of the server", results.start_seconds, 3, "s"),
    ]


def _compare(results: Results) -> list[str]:
    bare = results.pass_through
    site = [results.json, results.html]
    columns: list[tuple[str, Callable[[Series], float | None], str]] = [
        ("CPU s per 1,000 tokens, 100 sessions", lambda series: _of(series, "cpu_per_1000"), "s"),
        ("token delay p99, 100 sessions", lambda series: _delay(series, "delay"), "ms"),
        ("first-token overhead p99, 100 sessions", lambda series: _delay(series, "first_token"), "ms"),
        ("most sessions tried with all p99 ≤ 500 ms", lambda series: series.most or None, ""),
        ("saturated tokens/s", _throughput, ""),
    ]
    rows: list[Cells] = []
    for name, figure, unit in columns:
        own = figure(bare)
        ratios = [_ratio(figure(series), own) for series in site]
        rows.append((name, *ratios, _value(own, unit), *[_value(figure(series), unit) for series in site]))
    return _table(
        ("", "JSON ÷ bare", "HTML ÷ bare", "bare pass-through", "this site, JSON socket", "this site, HTML socket"),
        rows,
    )


def _levels(results: Results) -> list[str]:
    head = (
        "",
        "sessions",
        "CPU s per 1,000 tokens",
        "core used",
        "tokens/s",
        "token delay p50 / p99 ms",
        "first-token overhead p50 / p99 ms",
        "of it before the request p50 / p99 ms",
        "lost / doubled / late",
        "memory MB",
        "transactions/s",
    )
    rows: list[Cells] = []
    for series in (results.pass_through, results.json, results.html):
        rows += [_level_row(series.name, level) for level in series.levels]
        if series.saturated:
            rows.append(_level_row(f"{series.name}, saturated", series.saturated, paced=False))
    if results.reconnect:
        rows.append(_level_row("JSON socket, each client reconnects", results.reconnect))
    return _table(head, rows)


def _level_row(name: str, level: Level, *, paced: bool = True) -> Cells:
    came = level.arrival
    return (
        name,
        level.sessions,
        f"{level.cpu_per_1000:.3f}",
        f"{level.busy:.0%}",
        f"{level.tokens_per_second:,.0f}",
        f"{came.delay.p50:.0f} / {came.delay.p99:.0f}" if paced else "–",
        f"{came.first_token.p50:.0f} / {came.first_token.p99:.0f}" if paced else "–",
        f"{came.request.p50:.0f} / {came.request.p99:.0f}",
        f"{came.lost} / {came.doubled} / {came.late}",
        f"{level.memory_mb:.0f}",
        f"{level.transactions:.1f}" if level.transactions else "–",
    )


def _notes(results: Results) -> list[str]:
    problems = [
        f"- {series.name}, {level.sessions} sessions: {'; '.join(level.arrival.problems[:3])}"
        for series in (results.pass_through, results.json, results.html)
        for level in (*series.levels, *([series.saturated] if series.saturated else []))
        if level.arrival.problems
    ]
    return [
        "CPU is that of the server's process and its children over the whole level. A token's delay is from the",
        "model server's write to the arrival of the frame that completes it. First-token overhead is from the",
        "client's question to its first token, less the model's own time. Transactions are the commit frames in",
        "SQLite's write-ahead log. Every answer is compared letter for letter with what was sent, as streamed and",
        "as the server gave it whole.",
        *(["", "Problems:", "", *problems] if problems else []),
    ]


def _of(series: Series, name: str) -> float | None:
    level = series.at(100)
    return getattr(level, name) if level else None


def _delay(series: Series, name: str) -> float | None:
    level = series.at(100)
    p99: float | None = getattr(level.arrival, name).p99 if level else None
    return p99


def _throughput(series: Series) -> float | None:
    return series.saturated.tokens_per_second if series.saturated else None


def _wrong(results: Results) -> float | None:
    levels = [*results.json.levels, *results.html.levels]
    return _wrong_of(levels) if levels else None


def _wrong_of(levels: Iterable[Level]) -> float:
    return sum(each.arrival.lost + each.arrival.doubled + each.arrival.late for each in levels)


def _ratio(value: float | None, base: float | None) -> str:
    return f"**{value / base:.2f}×**" if value is not None and base else "–"


def _limit(target: Target) -> str:
    return f"{'≤' if target.most else '≥'} {_value(target.limit, target.unit)}"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    whole = unit in ("ms", "kB", "MB") or value >= 100 or value == int(value)
    digits = 0 if whole else 3 if unit == "s" and value < 1 else 1
    return f"{value:,.{digits}f} {unit}".strip()


def _table(head: Cells, rows: Iterable[Cells]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]
