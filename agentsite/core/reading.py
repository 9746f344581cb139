"""Reads that must agree with each other: one snapshot of the database for several queries."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection

_T = TypeVar("_T")
_threads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="reads")

_BEGIN = {
    "sqlite": "BEGIN DEFERRED",
    "postgresql": "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
}


@contextmanager
def consistent_read() -> Iterator[None]:
    """Queries inside see one state of the database.

    Inside a transaction it is that transaction's.
    """
    if connection.in_atomic_block:
        yield
        return
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN[connection.vendor])
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("COMMIT")


async def in_database(function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    """Run `function` on the process's few threads for database work outside a request.

    Each keeps its connection; one that is lost is opened again, once.
    """
    return await asyncio.get_running_loop().run_in_executor(_threads, _with_connection, function, args, kwargs)


def _with_connection(function: Callable[..., _T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _T:
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        connection.close()
        return function(*args, **kwargs)
