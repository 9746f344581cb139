"""One turn of the rehearsal engine, and the ways in which it can fail on request."""

from dataclasses import dataclass
from typing import Any

WORDS_PER_SECOND = 50.0


@dataclass(frozen=True, slots=True)
class Move:
    """What to stream: reasoning, text, calls (arguments as an object, or as broken JSON), a pace, a way to fail.

    `again` repeats the same calls for ever; `says` is how the results are announced afterwards.
    """

    text: str = ""
    reasoning: str = ""
    calls: tuple[tuple[str, dict[str, Any] | str], ...] = ()
    words_per_second: float = WORDS_PER_SECOND
    failure: str = ""
    again: bool = False
    says: str = ""


_BEGINNING = "This answer begins well, and then, as you asked, it "
FAILURES: dict[str, Move] = {
    "error": Move(_BEGINNING, failure="error"),
    "cut": Move(_BEGINNING, failure="cut"),
    "stall": Move(_BEGINNING, failure="stall"),
    "silence": Move(failure="stall"),
    "filter": Move(_BEGINNING, failure="filter"),
    "length": Move(_BEGINNING, failure="length"),
    "context": Move(failure="context"),
    "busy": Move(failure="busy"),
    "key": Move(failure="key"),
    "unreachable": Move(failure="unreachable"),
    "empty": Move(failure="empty"),
    "malformed": Move(calls=(("list_files", '{"path": "'),)),
    "unknown tool": Move(calls=(("teleport", {"where": "home"}),)),
    "loop": Move(calls=(("list_files", {}),), again=True),
}
STATUSES: dict[str, tuple[int, str, str]] = {
    "context": (400, "context_length_exceeded", "This model's maximum context length is 8192 tokens."),
    "busy": (429, "rate_limit_exceeded", "Rate limit reached."),
    "key": (401, "invalid_api_key", "Incorrect API key provided."),
}
FINISH_REASONS = {"filter": "content_filter", "length": "length"}
