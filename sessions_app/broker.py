"""The doorbell: says "session S reached seq N" and carries live text.

Nothing here is truth; all of it may be lost. Three functions make up the seam to other carriers: `ring`, `carry` and
`listen`. A listener's callback runs on the event loop that listened; posts of one thread arrive in order, and many
posts wake a loop once.
"""

import asyncio
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from sessions_app.fold import JournalEvent


@dataclass(frozen=True, slots=True)
class Hint:
    """The journal of a session reached `seq`; `events` are the newest ones where the sender had them at hand."""

    session_id: UUID
    seq: int
    events: Sequence[JournalEvent] = ()


@dataclass(frozen=True, slots=True)
class LiveText:
    """Text of a streaming message or a running tool: `kind` is text, reasoning or output.

    `off` in UTF-16 code units.
    """

    session_id: UUID
    run_id: UUID
    subject: UUID
    kind: str
    off: int
    text: str


Callback = Callable[[Any], None]


class _Mailbox:
    """What waits to be delivered on one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._items: deque[tuple[Callback, Any]] = deque()
        self._lock = threading.Lock()
        self._scheduled = False

    def post(self, callback: Callback, item: Any) -> None:
        with self._lock:
            self._items.append((callback, item))
            if self._scheduled:
                return
            self._scheduled = True
        try:
            self._loop.call_soon_threadsafe(self._drain)
        except RuntimeError:
            with self._lock:
                self._items.clear()

    def _drain(self) -> None:
        with self._lock:
            items, self._items = self._items, deque()
            self._scheduled = False
        for callback, item in items:
            callback(item)


_lock = threading.Lock()
_mailboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, _Mailbox] = WeakKeyDictionary()
_listeners: dict[str, dict[object, tuple[_Mailbox, Callback]]] = defaultdict(dict)


def listen(topic: str, callback: Callback) -> Callable[[], None]:
    """Call `callback(item)` on the running loop for each post to `topic`; returns what ends it."""
    loop = asyncio.get_running_loop()
    token = object()
    with _lock:
        mailbox = _mailboxes.setdefault(loop, _Mailbox(loop))
        _listeners[topic][token] = (mailbox, callback)

    def stop() -> None:
        with _lock:
            listeners = _listeners.get(topic)
            if listeners is not None:
                listeners.pop(token, None)
                if not listeners:
                    del _listeners[topic]

    return stop


def post(topic: str, item: Any) -> None:
    """Give `item` to everyone in this process who listens to `topic`.

    Safe from any thread.
    """
    with _lock:
        targets = list(_listeners.get(topic, {}).values())
    for mailbox, callback in targets:
        mailbox.post(callback, item)


def session_topic(session_id: UUID) -> str:
    """The topic of one session's hints and live text."""
    return f"session:{session_id}"


def ring(hint: Hint) -> None:
    """Say that a session's journal grew; called after the commit."""
    post(session_topic(hint.session_id), hint)


def carry(frame: LiveText) -> None:
    """Carry live text to whoever reads the session now."""
    post(session_topic(frame.session_id), frame)


def watched_sessions() -> list[UUID]:
    """The sessions that somebody in this process reads."""
    with _lock:
        return [UUID(topic[8:]) for topic in _listeners if topic.startswith("session:")]
