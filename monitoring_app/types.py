"""The words of health: how well a part works, and what was found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How well a part, or the site, works."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    level: Level
    sentence: str


@dataclass(frozen=True, slots=True)
class Part:
    """What was found out about one part: a level, a sentence for the operator, and how long the answer took."""

    name: str
    level: Level
    sentence: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Report:
    """The site and its parts."""

    parts: tuple[Part, ...]

    @property
    def level(self) -> Level:
        """The worst level of a part."""
        return max((part.level for part in self.parts), key=list(Level).index)
