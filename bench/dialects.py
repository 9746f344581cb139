"""The sockets that are compared: how each is asked, how it says that it is done, and what its frames bring."""

import html
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.answer import TOKEN, TOKEN_LENGTH

Frame = tuple[float, bytes]
RECONNECTED = b""
CSRF = "b" * 32
_TAG = re.compile(r"<[^>]*>")


@dataclass(slots=True)
class Reading:
    """What the frames of one turn brought.

    `progress` says when how many tokens were there; `lost` and `doubled` count characters; `texts` are the whole texts
    that the server gave, each to be compared with the answer.
    """

    text: str = ""
    progress: list[tuple[float, int]] = field(default_factory=list)
    lost: int = 0
    doubled: int = 0
    texts: list[str] = field(default_factory=list)
    problem: str = ""

    def append(self, at: float, text: str) -> None:
        """Text that continues what is there."""
        self.text += text
        self.reach(at, len(self.text) // TOKEN_LENGTH)

    def reach(self, at: float, tokens: int) -> None:
        """So many tokens are there now."""
        if tokens > (self.progress[-1][1] if self.progress else 0):
            self.progress.append((at, tokens))


@dataclass(frozen=True, slots=True)
class Form:
    """What a page posts."""

    path: str
    fields: dict[str, str]
    headers: dict[str, str]


class Dialect(Protocol):
    """One kind of socket."""

    name: str

    def path(self, session: str, after: int | None) -> str:
        """The address of a session's socket; `after` is the cursor of a client that comes back."""
        ...

    def headers(self) -> dict[str, str]:
        """What opens it."""
        ...

    def ask(self, session: str, prompt: str) -> str | Form:
        """What asks: a frame, or a form where a question goes by HTTP."""
        ...

    def is_end(self, payload: bytes) -> bool:
        """Whether this frame ends a turn."""
        ...

    def read(self, frames: Iterable[Frame]) -> Reading:
        """What the frames of one turn brought."""
        ...


class PassThroughSocket:
    """The bare pass-through's."""

    name = "pass-through"

    def path(self, session: str, after: int | None) -> str:
        """It knows no sessions."""
        return "/"

    def headers(self) -> dict[str, str]:
        """It knows no users."""
        return {}

    def ask(self, session: str, prompt: str) -> str:
        """The frame that asks."""
        return json.dumps({"content": prompt})

    def is_end(self, payload: bytes) -> bool:
        """Its last frame."""
        return payload.startswith(b'{"type": "completed"')

    def read(self, frames: Iterable[Frame]) -> Reading:
        """A token for each frame; there are no whole texts but the sum of these."""
        reading = Reading()
        for at, payload in frames:
            frame = json.loads(payload)
            if frame["type"] == "delta":
                reading.append(at, frame["content"])
        reading.texts.append(reading.text)
        return reading


class JsonSocket:
    """The site's JSON socket, opened with a bearer token."""

    name = "JSON socket"

    def __init__(self, token: str) -> None:
        self._token = token

    def path(self, session: str, after: int | None) -> str:
        """A session's socket."""
        return f"/api/ws/session/{session}" + ("" if after is None else f"?after={after}")

    def headers(self) -> dict[str, str]:
        """A program's."""
        return {"Authorization": f"Bearer {self._token}"}

    def ask(self, session: str, prompt: str) -> str:
        """The frame that asks."""
        return json.dumps({"type": "message", "content": prompt})

    def is_end(self, payload: bytes) -> bool:
        """How a run ends."""
        return payload.startswith((b'{"type":"task_completed"', b'{"type":"task_failed"', b'{"type":"task_cancelled"'))

    def read(self, frames: Iterable[Frame]) -> Reading:
        """Text by its offsets: a gap is lost text; what comes twice is doubled, except after coming back."""
        reading, is_back = Reading(), False
        for at, payload in frames:
            if payload == RECONNECTED:
                is_back = True
                continue
            frame = json.loads(payload)
            if frame["type"] == "generating":
                self._read_text(reading, at, frame, is_back=is_back)
            elif frame["type"] in ("task_failed", "task_cancelled", "error"):
                reading.problem = json.dumps(frame)[:300]
        return reading

    @staticmethod
    def _read_text(reading: Reading, at: float, frame: dict[str, Any], *, is_back: bool) -> None:
        content, event = frame["data"]["content"], frame["data"]["event"]
        if event == "completed":
            reading.texts.append(content)
            reading.reach(at, len(content) // TOKEN_LENGTH)
            return
        have = len(reading.text) - frame["off"]
        if have < 0:
            reading.lost += -have
            content = " " * -have + content
        elif have and not is_back:
            reading.doubled += have
        reading.append(at, content[max(0, have) :])


class HtmlSocket:
    """The socket of the chat page, opened as a browser does."""

    name = "HTML socket"

    def __init__(self, cookie: str, origin: str) -> None:
        self._headers = {"Cookie": f"{cookie}; csrftoken={CSRF}", "Origin": origin}

    def path(self, session: str, after: int | None) -> str:
        """A session's socket."""
        return f"/ws/chat/{session}/" + ("" if after is None else f"?after={after}")

    def headers(self) -> dict[str, str]:
        """A page's."""
        return self._headers

    def ask(self, session: str, prompt: str) -> Form:
        """A page posts its messages, as htmx does."""
        headers = {**self._headers, "X-CSRFToken": CSRF, "HX-Request": "true"}
        return Form(f"/chat/{session}/messages/", {"content": prompt}, headers)

    def is_end(self, payload: bytes) -> bool:
        """The message is whole, or a card says that the run failed."""
        return b'data-status=\\"completed\\"' in payload or b'data-status=\\"incomplete\\"' in payload

    def read(self, frames: Iterable[Frame]) -> Reading:
        """Tails append; a fragment of the agent's message replaces what is there by all that it holds."""
        reading = Reading()
        for at, payload in frames:
            frame = json.loads(payload) if payload != RECONNECTED else {}
            content = frame.get("content", "")
            if frame.get("swap") == "beforeend":
                if frame["target"].endswith("-text"):
                    reading.append(at, html.unescape(content))
            elif "agent message" in content:
                self._replace(reading, at, content)
        return reading

    @staticmethod
    def _replace(reading: Reading, at: float, content: str) -> None:
        tokens = TOKEN.findall(_TAG.sub(" ", content))
        text = "".join(f"{each}{' ' if number % 20 else chr(10)}" for number, each in enumerate(tokens, 1))
        if 'data-status="streaming"' not in content:
            reading.texts.append(text)
        reading.text = text
        reading.reach(at, len(tokens))
