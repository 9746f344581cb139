"""The event stream of a provider, from bytes to the data of each event.

The grammar is the HTML standard's, section 9.2 (server-sent events), as far as model providers use it: only `data`
counts, an event ends at an empty line, and what follows the last empty line is no event. Bytes may be split anywhere.
"""

MAX_EVENT_BYTES = 8 * 1024 * 1024


class EventTooLargeError(ValueError):
    """One event is over MAX_EVENT_BYTES: no provider means that."""


class EventStreamParser:
    """Feed it bytes as they come; it returns the data of every event that ended in them."""

    __slots__ = ("_data", "_size", "_skip_newline", "_tail")

    def __init__(self) -> None:
        self._tail: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._skip_newline = False

    def feed(self, data: bytes) -> list[bytes]:
        """The data of the events that ended in `data`, in order. Raises EventTooLargeError."""
        if self._skip_newline or b"\r" in data:
            data = self._plain_newlines(data)
        self._size += len(data)
        if b"\n" not in data:
            self._tail.append(data)
            self._refuse_flood()
            return []
        if self._tail:
            self._tail.append(data)
            data = b"".join(self._tail)
            self._tail.clear()
        lines = data.split(b"\n")
        rest = lines.pop()
        events = self._events(lines)
        if rest:
            self._tail.append(rest)
        if not self._data:
            self._size = len(rest)
        self._refuse_flood()
        return events

    def _events(self, lines: list[bytes]) -> list[bytes]:
        events: list[bytes] = []
        held = self._data
        for line in lines:
            if not line:
                if held:
                    events.append(held[0] if len(held) == 1 else b"\n".join(held))
                    held.clear()
            elif line.startswith(b"data:"):
                held.append(line[6:] if line.startswith(b"data: ") else line[5:])
            elif line == b"data":
                held.append(b"")
        return events

    def _refuse_flood(self) -> None:
        if self._size > MAX_EVENT_BYTES:
            raise EventTooLargeError("an event of the stream is too large")

    def _plain_newlines(self, data: bytes) -> bytes:
        """CR and CRLF as LF, also when a CRLF is split between two reads."""
        if not data:
            return data
        if self._skip_newline and data.startswith(b"\n"):
            data = data[1:]
        self._skip_newline = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
