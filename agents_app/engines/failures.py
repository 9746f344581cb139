"""What can go wrong with a model call, in the user's words; the provider's own words go to the log, cleaned."""

import re
from collections.abc import Mapping
from typing import Any

from agents_app.types import EngineError

DETAIL_CHARACTERS = 300
SENTENCES: Mapping[str, str] = {
    "engine_unreachable": "The model could not be reached. Try again; if it stays so, tell an administrator.",
    "engine_timeout": "The model did not begin to answer in time. Try again.",
    "engine_stalled": "The model stopped in the middle of its answer. Try again.",
    "engine_auth": "The model's provider refused the site's key. An administrator has to set a valid one.",
    "engine_rate_limited": "The model's provider is busy, or its limit is reached. Wait a minute and try again.",
    "engine_error": "The model's provider had an error. Try again.",
    "engine_bad_request": "The model's provider refused the request. An administrator finds the reason in the log.",
    "engine_not_found": "The provider does not know this model. An administrator has to correct the engine.",
    "stream_cut": "The answer broke off before its end. Try again.",
    "context_too_long": "The conversation is too long for this model. Begin a new session, or ask for less.",
    "content_filter": "The provider's content filter stopped the answer. Say it in other words.",
    "engine_missing": "No model is set up for this agent. An administrator has to add an engine.",
}
FINAL = frozenset(
    {"engine_auth", "engine_bad_request", "engine_not_found", "context_too_long", "content_filter", "engine_missing"}
)
BY_PROVIDER_CODE = {
    "context_length_exceeded": "context_too_long",
    "exceed_context_size_error": "context_too_long",
    "content_filter": "content_filter",
    "content_policy_violation": "content_filter",
    "invalid_api_key": "engine_auth",
    "model_not_found": "engine_not_found",
    "insufficient_quota": "engine_rate_limited",
    "rate_limit_exceeded": "engine_rate_limited",
    "rate_limit_error": "engine_rate_limited",
}
BY_STATUS = {
    400: "engine_bad_request",
    401: "engine_auth",
    403: "engine_auth",
    404: "engine_not_found",
    408: "engine_timeout",
    413: "context_too_long",
    422: "engine_bad_request",
    429: "engine_rate_limited",
    504: "engine_timeout",
}
_TOO_LONG = re.compile(r"context (?:length|size|window)|maximum context|too many tokens|prompt is too long", re.I)
_SECRET = re.compile(r"\b(?:sk|pk|key|gsk|xai)-[\w*-]{6,}|(?i:bearer)\s+\S+|[\w-]{32,}")


def failure(code: str, detail: str = "") -> EngineError:
    """The error of a code, with its sentence."""
    return EngineError(code, SENTENCES[code], retryable=code not in FINAL, detail=clean_detail(detail))


def timed_out(*, began: bool, seconds: float) -> EngineError:
    """Nothing came for too long: before the first token, or in the middle."""
    if began:
        sentence = f"The model stopped in the middle of its answer and sent nothing for {seconds:g} seconds. Try again."
        return EngineError("engine_stalled", sentence)
    return EngineError("engine_timeout", f"The model did not begin to answer within {seconds:g} seconds. Try again.")


def unreadable_stream(detail: str = "") -> EngineError:
    """The provider sent what is no chat completion stream."""
    return failure("engine_error", f"unreadable stream: {detail}")


def failure_in_stream(error: Any) -> EngineError:
    """The error of an error frame: an object with a code, or only a text."""
    known = error if isinstance(error, Mapping) else {"message": error}
    return failure_of_body(None, known, str(known.get("message") or ""))


def failure_of_body(status: int | None, body: Any, message: str) -> EngineError:
    """The error of an HTTP status (None: within a stream) and a provider's error object."""
    named = body if isinstance(body, Mapping) else {}
    provider_codes = [str(named.get(name) or "") for name in ("code", "type")]
    code = next((BY_PROVIDER_CODE[name] for name in provider_codes if name in BY_PROVIDER_CODE), "")
    if not code and status in (None, 400, 413, 422, 500) and _TOO_LONG.search(message):
        code = "context_too_long"
    if not code:
        number = status if status is not None else _number(named.get("code"))
        code = BY_STATUS.get(number, "engine_error")
    detail = " ".join(part for part in (str(status or ""), *provider_codes, message) if part)
    if "insufficient_quota" in provider_codes:
        sentence = "The account at the model's provider is used up. An administrator has to look at it."
        return EngineError(code, sentence, retryable=False, detail=clean_detail(detail))
    return failure(code, detail)


def _number(value: Any) -> int:
    """An HTTP status that a gateway puts into its error frame; 0 when it is none."""
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else 0


def clean_detail(text: str) -> str:
    """One short line without anything that looks like a key."""
    return _SECRET.sub("⟨hidden⟩", " ".join(text.split()))[:DETAIL_CHARACTERS]
