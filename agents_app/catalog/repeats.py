"""Notices an agent that goes in circles: the same call with the same arguments and the same result, a third time."""

import json
from collections.abc import Sequence

from agents_app.types import ToolRequest, ToolResult
from agentsite.core.digest import canonical_json

TOLERATED = 2
SHOWN_CHARACTERS = 80


class Repeats:
    """What was asked for and what came back. A call that gives something new (a test, after a change) is no circle."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, int]] = {}
        self._again: ToolRequest | None = None

    def asked_again(self, requests: Sequence[ToolRequest]) -> bool:
        """Whether one of these was made twice already, with nothing new. Asked once: the count begins anew then."""
        self._again = next((request for request in requests if self._count(request) >= TOLERATED), None)
        if self._again is not None:
            self._seen.clear()
        return self._again is not None

    def question(self) -> str:
        """The question to the person."""
        assert self._again is not None
        asked = f"{self._again.name} {self._again.arguments}"
        shown = asked if len(asked) <= SHOWN_CHARACTERS else asked[:SHOWN_CHARACTERS] + "…"
        return f"The agent has asked for the same thing three times: {shown}\n\nLet it go on?"

    def note(self, requests: Sequence[ToolRequest], results: Sequence[ToolResult]) -> None:
        """Remember what came back."""
        for request, result in zip(requests, results, strict=True):
            key, count = _key(request), self._count(request)
            same = self._seen.get(key, (None, 0))[0] == result.content
            self._seen[key] = (result.content, count + 1 if same else 1)

    def _count(self, request: ToolRequest) -> int:
        return self._seen.get(_key(request), ("", 0))[1]


def _key(request: ToolRequest) -> str:
    """Tool and arguments; how the model spaced its JSON is no difference."""
    try:
        arguments = canonical_json(json.loads(request.arguments or "{}"))
    except ValueError:
        arguments = request.arguments
    return f"{request.name} {arguments}"
