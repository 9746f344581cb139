"""A sliding window of one process: at most so many of one thing within so many seconds.

Several processes each count on their own, so a limit holds per process; it protects against floods, not against fraud.
"""

from collections import deque
from threading import Lock
from time import monotonic

from agentsite.core.errors import RateLimitedError

MOST_KEYS = 10_000
_windows: dict[str, deque[float]] = {}
_lock = Lock()


def check_rate(key: str, limit: int, seconds: float) -> None:
    """Count one more `key`; raises RateLimitedError, and counts nothing, when `limit` within `seconds` is reached."""
    now = monotonic()
    with _lock:
        window = _windows.setdefault(key, deque())
        while window and window[0] <= now - seconds:
            window.popleft()
        if len(window) >= limit:
            wait = max(1, round(window[0] + seconds - now))
            raise RateLimitedError(f"Too many attempts. Wait {_spoken(wait)}.", details={"retry_after": wait})
        window.append(now)
        if len(_windows) > MOST_KEYS:
            _drop_oldest()


def forget_rate(key: str) -> None:
    """Begin again: an attempt that succeeded was no abuse."""
    with _lock:
        _windows.pop(key, None)


def _drop_oldest() -> None:
    """Memory stays bounded: the half of the keys that were counted longest ago goes."""
    for key in sorted(_windows, key=lambda key: max(_windows[key], default=0.0))[: MOST_KEYS // 2]:
        del _windows[key]


def _spoken(seconds: int) -> str:
    minutes = -(-seconds // 60)
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"
