"""Fault points: named places at every commit and every effect where a test may kill the process.

`POINTS` is the one registry. A point does nothing unless it is armed (`AGENTSITE_FAULT=name` or `name:N`, the N-th
time it is passed), in which case the process kills itself with SIGKILL there.
"""

import os
import signal

POINTS: dict[str, str] = {}
_armed: dict[str, int] = {}


def register(name: str, meaning: str) -> str:
    """Name a place; raises ValueError when the name is taken."""
    if name in POINTS:
        raise ValueError(f"fault point {name!r} is registered twice")
    POINTS[name] = meaning
    return name


def arm(name: str, passes: int = 1) -> None:
    """Kill this process the `passes`-th time the point is passed."""
    _armed[name] = passes


def point(name: str) -> None:
    """Pass a fault point: nothing in production."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def arm_from(text: str) -> None:
    """Arm `name` or `name:passes`.

    Raises ValueError for a name that is not registered.
    """
    name, _, passes = text.partition(":")
    if name not in POINTS:
        raise ValueError(f"there is no fault point {name!r}")
    arm(name, int(passes or 1))
