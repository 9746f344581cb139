"""The id of the request that a log line belongs to."""

import logging
from contextvars import ContextVar

_request_id: ContextVar[str] = ContextVar("request_id", default="-")


def bind_request_id(request_id: str) -> None:
    """Name the request that the current task works for."""
    _request_id.set(request_id)


class RequestIdFilter(logging.Filter):
    """Put the request's id into each record; `-` outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = _request_id.get()
        return True
