"""Secrets that a form gave to a run: put into a tool's call after the gate, taken out of everything it says."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from agentsite.core.crypto import SecretUnreadableError, decrypt
from agentsite.core.rows import all_rows
from sessions_app.models import Secret

_REFERENCE = re.compile(r"⟨secret:([^⟩]+)⟩")


def load_secrets(run_id: UUID) -> dict[str, str]:
    """The run's secrets by name; one whose key is gone is left out."""
    secrets = {}
    for secret in all_rows(Secret, run_id=run_id):
        try:
            secrets[secret.name] = decrypt(secret.ciphertext)
        except SecretUnreadableError:
            continue
    return secrets


def insert_secrets(
    arguments: dict[str, Any], parameters: tuple[str, ...], secrets: Mapping[str, str]
) -> dict[str, Any]:
    """`arguments` with the references in the parameters that a tool declares secret replaced by their values."""
    return {name: _inserted(value, secrets) if name in parameters else value for name, value in arguments.items()}


def _inserted(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: secrets.get(match[1], match[0]), value)
    if isinstance(value, dict):
        return {key: _inserted(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_inserted(item, secrets) for item in value]
    return value


class Redactor:
    """Puts the reference in the place of each secret's exact value."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._names = {value: f"⟨secret:{name}⟩" for name, value in secrets.items() if value}
        longest_first = sorted(self._names, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if self._names else None
        self._overlap = max(map(len, self._names), default=1) - 1

    def text(self, text: str) -> str:
        """`text` without secrets."""
        return self._pattern.sub(lambda match: self._names[match[0]], text) if self._pattern else text

    def value(self, value: Any) -> Any:
        """JSON without secrets."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.value(item) for item in value]
        return value

    def stream(self, emit: Callable[[str], None]) -> "RedactedStream":
        """A stream that holds back what may be the beginning of a secret."""
        return RedactedStream(self, emit, self._overlap)


class RedactedStream:
    """Text that comes in pieces; a secret cut by a border between pieces is found all the same."""

    def __init__(self, redactor: Redactor, emit: Callable[[str], None], overlap: int) -> None:
        self._redactor = redactor
        self._emit = emit
        self._overlap = overlap
        self._held = ""

    def push(self, text: str) -> None:
        """Take a piece."""
        if not self._overlap:
            self._emit(text)
            return
        whole = self._redactor.text(self._held + text)
        self._held = whole[len(whole) - self._overlap :] if len(whole) > self._overlap else whole
        ready = whole[: len(whole) - len(self._held)]
        if ready:
            self._emit(ready)

    def close(self) -> None:
        """Give out what was held back."""
        if self._held:
            self._emit(self._redactor.text(self._held))
            self._held = ""
