"""What a holder streams, as the runner does it: each piece waits to be stored and may be carried live."""

from dataclasses import dataclass, field
from uuid import UUID

from agentsite.core.text import clean_text, utf16_length
from sessions_app.broker import LiveText
from sessions_app.services.holds import Delta, Hold

Key = tuple[UUID, str]


@dataclass
class _Stream:
    said: str = ""
    stored: int = 0
    surrogate: str = ""


@dataclass
class Speech:
    """All streams of one hold."""

    hold: Hold
    streams: dict[Key, _Stream] = field(default_factory=dict)

    def say(self, key: Key, piece: str) -> LiveText:
        """Take a piece as a provider sends it, and return it as it is carried."""
        stream = self.streams.setdefault(key, _Stream())
        text, stream.surrogate = clean_text(piece, stream.surrogate)
        off = utf16_length(stream.said)
        stream.said += text
        return LiveText(self.hold.session_id, self.hold.run_id, key[0], key[1], off, text)

    def said(self, key: Key) -> str:
        """All that was said of one stream."""
        return self.streams[key].said if key in self.streams else ""

    def take(self) -> list[Delta]:
        """What waits to be stored."""
        deltas = []
        for (subject, kind), stream in self.streams.items():
            text = stream.said[stream.stored :]
            if text:
                deltas.append(Delta(subject, kind, utf16_length(stream.said[: stream.stored]), text))
                stream.stored = len(stream.said)
        return deltas

    def forget(self, subject: UUID) -> None:
        """Its streams have ended."""
        self.streams = {key: stream for key, stream in self.streams.items() if key[0] != subject}
