"""Reads that must agree with each other: one snapshot of the database for several queries."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection

_T = TypeVar("_T")
_reads = ThreadPoolExecutor(max_workers=3, thread_name_prefix="reads")
_commands = ThreadPoolExecutor(max_workers=4, thread_name_prefix="commands")

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
    return await asyncio.get_running_loop().run_in_executor(_reads, _with_connection, function, args, kwargs)


async def command_in_database(function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
    """Run a command's writes on threads of their own, so that waiting to write does not hold up the readers.

    It is never tried again: nobody can tell whether a commit whose connection was lost took place.
    """
    return await asyncio.get_running_loop().run_in_executor(_commands, _once, function, args, kwargs)


def _once(function: Callable[..., _T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _T:
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        connection.close()
        raise


def _with_connection(function: Callable[..., _T], args: tuple[Any, ...], kwargs: dict[str, Any]) -> _T:
    try:
        return function(*args, **kwargs)
    except (OperationalError, InterfaceError):
        connection.close()
        return function(*args, **kwargs)
