"""Who follows a session from this process, over a socket or an event stream: so many a user, and a last word to all.

The limit counts connections of this process. Everything here runs on the event loop of the server.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from django.conf import settings

GOODBYE_SECONDS = 2.0


@dataclass(eq=False, slots=True)
class Connection:
    """One open connection; `leave` tells its client that the server restarts, and ends it."""

    user_id: int
    leave: Callable[[], Awaitable[None]]


_open: dict[int, set[Connection]] = defaultdict(set)


def is_full(user_id: int) -> bool:
    """Whether `AGENTSITE_MAX_SOCKETS_PER_USER` connections of this user are open."""
    return count(user_id) >= settings.AGENTSITE.max_sockets_per_user


def admit(user_id: int, leave: Callable[[], Awaitable[None]]) -> Connection | None:
    """A place for one more connection of this user, None when there is none."""
    if is_full(user_id):
        return None
    connection = Connection(user_id, leave)
    _open[user_id].add(connection)
    return connection


def release(connection: Connection | None) -> None:
    """Give a place back; doing so twice changes nothing."""
    if connection is None:
        return
    connections = _open[connection.user_id]
    connections.discard(connection)
    if not connections:
        del _open[connection.user_id]


def count(user_id: int) -> int:
    """How many connections of this user are open."""
    return len(_open[user_id]) if user_id in _open else 0


async def broadcast_restart() -> None:
    """Tell everybody that the server restarts and end their connections; who does not listen is left after 2 s."""
    leaving = [asyncio.ensure_future(each.leave()) for group in list(_open.values()) for each in list(group)]
    if leaving:
        _, late = await asyncio.wait(leaving, timeout=GOODBYE_SECONDS)
        for task in late:
            task.cancel()
