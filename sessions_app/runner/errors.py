"""The ways out of an attempt."""


class ReplayMismatchError(Exception):
    """The agent's program no longer does what was recorded at this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"step {key} is not what was recorded")
        self.key = key


class ScopeBusyError(Exception):
    """A second effect began in a scope that has one in flight: an agent's mistake."""

    def __init__(self) -> None:
        super().__init__("This scope has an effect in flight. Use ctx.branch(name) for work in parallel.")
