"""All that one run of the benchmark found."""

from dataclasses import dataclass, field

from bench.figures import Level
from bench.measurements import Busy, Idle, Opening


@dataclass(slots=True)
class Series:
    """One kind of socket: its levels, and as many tokens as it takes."""

    name: str
    levels: list[Level] = field(default_factory=list)
    saturated: Level | None = None

    def at(self, sessions: int) -> Level | None:
        """The level with so many sessions, else the next smaller one."""
        smaller = [level for level in self.levels if level.sessions <= sessions]
        return max(smaller, key=lambda level: level.sessions, default=None)

    @property
    def most(self) -> int:
        """The most sessions of all that were tried with every p99 within 500 ms."""
        return max((level.sessions for level in self.levels if level.holds), default=0)


@dataclass(slots=True)
class Results:
    """Everything; what was not measured is None or empty."""

    command: str
    plan: str
    facts: dict[str, str] = field(default_factory=dict)
    pass_through: Series = field(default_factory=lambda: Series("bare pass-through"))
    json: Series = field(default_factory=lambda: Series("JSON socket"))
    html: Series = field(default_factory=lambda: Series("HTML socket"))
    start_seconds: float | None = None
    idle: Idle | None = None
    reconnect: Level | None = None
    busy: Busy | None = None
    opening: Opening | None = None
    seconds: float = 0.0
