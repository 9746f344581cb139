"""What a run has spent, counted from what its agent was given: a replay counts the same."""

from agents_app.types import Limits, Reply, RunFailedError


class Tally:
    """Counts replies against Limits; a limit ends the run before the call that would go beyond it."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._steps = 0
        self._tool_calls = 0
        self._tokens = 0
        self._cost = 0.0

    def add(self, reply: Reply) -> None:
        """Count one model call."""
        self._steps += 1
        self._tokens += reply.usage.prompt_tokens + reply.usage.completion_tokens
        self._cost += reply.cost

    def check_model_call(self, seconds: float) -> None:
        """Raise RunFailedError when another model call, after `seconds` of work, is too much."""
        limits = self._limits
        if self._steps >= limits.steps:
            raise _reached("limit_steps", f"{limits.steps:,} model calls")
        if self._tokens >= limits.tokens:
            raise _reached("limit_tokens", f"{limits.tokens:,} tokens")
        if self._cost >= limits.cost:
            raise _reached("limit_cost", f"a cost of {limits.cost:,.2f}")
        if seconds >= limits.seconds:
            raise _reached("limit_seconds", f"{limits.seconds:,.0f} seconds of work")

    def check_tool_calls(self, more: int) -> None:
        """Count `more` tool calls; raise RunFailedError when they are too many."""
        self._tool_calls += more
        if self._tool_calls > self._limits.tool_calls:
            raise _reached("limit_tool_calls", f"{self._limits.tool_calls:,} tool calls")


def _reached(code: str, what: str) -> RunFailedError:
    sentence = f"This run reached its limit of {what}. Continue to let it go on with twice that."
    return RunFailedError(code, sentence, actions=("continue",))
