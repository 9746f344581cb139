"""Errors that a client may see: a stable code, a status and a sentence that says what to do."""

from typing import Any, ClassVar


class AppError(Exception):
    """A refusal in the user's words.

    Doors turn it into the one error envelope; nothing else reaches a client.
    """

    code: ClassVar[str] = "error"
    status_code: ClassVar[int] = 400

    def __init__(self, message: str, *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or {}


class InvalidError(AppError):
    """What was sent cannot be taken as it is."""

    code = "invalid"


class ForbiddenError(AppError):
    """The caller is known and may not do this."""

    code = "forbidden"
    status_code = 403


class NotFoundError(AppError):
    """It does not exist, or not for this caller: both look the same."""

    code = "not_found"
    status_code = 404

    def __init__(self, message: str = "Not found.", *, details: dict[str, Any] | None = None) -> None:
        super().__init__(message, details=details)


class ConflictError(AppError):
    """The state has moved on; `details` tell where to."""

    code = "conflict"
    status_code = 409


class TooLargeError(AppError):
    """The body or frame is over its limit."""

    code = "too_large"
    status_code = 413


class RateLimitedError(AppError):
    """Too much at once; `details["retry_after"]` is in seconds."""

    code = "rate_limited"
    status_code = 429


class UnavailableError(AppError):
    """A part of the site is down; trying again later can help."""

    code = "unavailable"
    status_code = 503
