"""From what came to figures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.answer import TOKEN_LENGTH, answer
from bench.dialects import Dialect, Reading
from bench.load import Turn

Exchanges = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Spread:
    """The middle and the end of many values, in milliseconds."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Arrival:
    """How the tokens of a level came: all delays, and how many tokens were lost, doubled or not there in time."""

    delay: Spread
    first_token: Spread
    request: Spread
    tokens: int
    lost: int
    doubled: int
    late: int
    problems: tuple[str, ...]

    @property
    def exact(self) -> bool:
        """Whether every answer came whole, once."""
        return not (self.lost or self.doubled or self.late or self.problems)


@dataclass(frozen=True, slots=True)
class Level:
    """One level of load on one kind of socket."""

    sessions: int
    arrival: Arrival
    seconds: float
    cpu_seconds: float
    memory_mb: float
    transactions: float

    @property
    def cpu_per_1000(self) -> float:
        """CPU seconds of the server for 1,000 tokens."""
        return 1000 * self.cpu_seconds / max(1, self.arrival.tokens)

    @property
    def tokens_per_second(self) -> float:
        """Tokens that came, over the whole time."""
        return self.arrival.tokens / self.seconds

    @property
    def busy(self) -> float:
        """How much of its core the server used."""
        return self.cpu_seconds / self.seconds

    @property
    def holds(self) -> bool:
        """Whether all came, and the slowest hundredth within 500 ms."""
        return self.arrival.exact and max(self.arrival.delay.p99, self.arrival.first_token.p99) <= 500


def spread(seconds: Sequence[float]) -> Spread:
    """The spread of durations; not a number where there are none."""
    ordered = sorted(seconds)

    def at(part: float) -> float:
        return 1000 * ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else math.nan

    return Spread(at(0.5), at(0.95), at(0.99))


def arrival(dialect: Dialect, turns: Sequence[Turn], exchanges: Exchanges) -> Arrival:
    """How the tokens of these turns came, measured against what the model server sent."""
    came = [_outcome(dialect.read(turn.frames), turn, exchanges.get(turn.key)) for turn in turns]
    return Arrival(
        spread([delay for each in came for delay in each.delays]),
        spread([each.first for each in came if each.first is not None]),
        spread([each.request for each in came if each.request is not None]),
        sum(len(each.delays) for each in came),
        sum(each.lost for each in came),
        sum(each.doubled for each in came),
        sum(each.late for each in came),
        tuple(dict.fromkeys(each.problem for each in came if each.problem)),
    )


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How the tokens of one turn came."""

    delays: list[float]
    first: float | None
    request: float | None
    lost: int
    doubled: int
    late: int
    problem: str


def _outcome(reading: Reading, turn: Turn, exchange: Mapping[str, Any] | None) -> _Outcome:
    problem = turn.problem or reading.problem
    if exchange is None:
        return _Outcome([], None, None, 0, 0, turn.tokens, problem or "the model was not asked")
    delays = _delays(reading, exchange["sent"])
    first = None
    if delays:
        own = exchange["sent"][0] - exchange["requested_at"]
        first = reading.progress[0][0] - turn.sent_at - own
    return _Outcome(
        delays,
        first,
        exchange["requested_at"] - turn.sent_at,
        math.ceil(reading.lost / TOKEN_LENGTH),
        math.ceil(reading.doubled / TOKEN_LENGTH),
        turn.tokens - len(delays),
        problem or _difference(reading, turn),
    )


def _delays(reading: Reading, sent: Sequence[float]) -> list[float]:
    """For each token how long after it was sent it was there."""
    delays: list[float] = []
    for at, have in reading.progress:
        delays += [at - sent_at for sent_at in sent[len(delays) : have]]
    return delays


def _difference(reading: Reading, turn: Turn) -> str:
    """Empty when the texts of a turn are the answer, letter for letter."""
    expected = answer(turn.tokens)
    if not turn.ended_at:
        return "not ended in time"
    if not reading.texts:
        return "no whole text came"
    if any(text.rstrip() != expected.rstrip() for text in (reading.text, *reading.texts)):
        return "the text is not the answer"
    return ""
