"""Rows in the hot path: statements that the ORM compiled once, used again.

Django builds the SQL of a query anew each time, at 200 to 400 µs a query; a run makes dozens and a site runs hundreds.
Here a statement is compiled at its first use and kept, so that a row costs about 30 µs. Everything is by equality or
one of the lookups lt, lte, gt, gte and isnull; whatever needs more uses the ORM.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Field, Model

_Row = TypeVar("_Row", bound=Model)
_LOOKUPS = frozenset({"lt", "lte", "gt", "gte"})
_Converters = dict[int, tuple[list[Callable[..., Any]], Any]]


@dataclass(frozen=True, slots=True)
class _Select:
    sql: str
    columns: list[str]
    converters: _Converters
    parameters: tuple[tuple[str, Field[Any, Any]], ...]


def all_rows(model: type[_Row], *, lock: bool = False, only: tuple[str, ...] = (), **where: Any) -> list[_Row]:
    """The rows where every lookup holds, in the model's order.

    `lock` keeps others from changing them; `only` names the fields to read, the others come when they are asked for.
    """
    select = _compiled(connection.vendor, model, lock, only, _shape(where))
    parameters = [field.get_db_prep_value(where[name], connection) for name, field in select.parameters]
    with connection.cursor() as cursor:
        cursor.execute(select.sql, parameters)
        found = cursor.fetchall()
    return [model.from_db(connection.alias, select.columns, _converted(row, select.converters)) for row in found]


def one_row(model: type[_Row], *, lock: bool = False, only: tuple[str, ...] = (), **where: Any) -> _Row | None:
    """The first row where every lookup holds."""
    found = all_rows(model, lock=lock, only=only, **where)
    return found[0] if found else None


def insert_rows(rows: Sequence[Model]) -> None:
    """Insert rows of one model; a key that the database makes is not read back."""
    if not rows:
        return
    statement, fields = _insert(connection.vendor, type(rows[0]))
    values = [[field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields] for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)
    for row in rows:
        row._state.adding = False


def update_row(row: Model, *names: str, **guard: Any) -> int:
    """Store these fields of `row`, if the guard's fields still hold these values; returns how many rows changed."""
    model = type(row)
    statement, fields, guards = _update(connection.vendor, model, names, tuple(sorted(guard)))
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    key = model._meta.pk.get_db_prep_value(row.pk, connection)
    values += [key, *(field.get_db_prep_value(guard[field.name], connection) for field in guards)]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


def save_row(row: Model) -> None:
    """Insert a new row; store every field of one that is there."""
    if row._state.adding:
        insert_rows([row])
    else:
        update_row(row, *_all_names(type(row)))


@cache
def _all_names(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.name for field in model._meta.local_concrete_fields if not field.primary_key)


def _shape(where: dict[str, Any]) -> tuple[tuple[str, bool | None], ...]:
    """The lookups by name, and the value of those that are part of the statement."""
    return tuple((name, where[name] if name.endswith("__isnull") else None) for name in sorted(where))


@cache
def _compiled(
    vendor: str, model: type[Model], lock: bool, only: tuple[str, ...], shape: tuple[tuple[str, bool | None], ...]
) -> _Select:
    names = [name for name, constant in shape if constant is None]
    if any("__" in name and name.rpartition("__")[2] not in _LOOKUPS for name in names):
        raise ValueError(f"{model.__name__} cannot be looked up by {', '.join(names)} here; use the ORM")
    fields = [_field(model, name.partition("__")[0]) for name in names]
    examples = {name: _example(field) for name, field in zip(names, fields, strict=True)}
    query = model._base_manager.filter(**examples, **{name: value for name, value in shape if value is not None})
    query = query.order_by(*list(model._meta.ordering or ())).only(*only)
    if lock:
        query = query.select_for_update(of=("self",))
    compiler = query.query.get_compiler(connection=connection)
    sql, parameters = compiler.as_sql()
    if len(parameters) != len(names):
        raise ValueError(f"{model.__name__} cannot be looked up by {', '.join(names)} here; use the ORM")
    columns = [column for column, *_ in compiler.select]
    return _Select(
        sql,
        [column.target.attname for column in columns],
        compiler.get_converters(columns),
        tuple(zip(names, fields, strict=True)),
    )


def _example(field: Any) -> Any:
    """Any value that the field takes: only the statement around it is kept."""
    kind = field.target_field.get_internal_type() if field.is_relation else field.get_internal_type()
    return {"UUIDField": "00000000-0000-7000-8000-000000000000", "CharField": "x"}.get(kind, 1)


def _converted(row: Sequence[Any], converters: _Converters) -> list[Any]:
    values = list(row)
    for index, (functions, expression) in converters.items():
        for function in functions:
            values[index] = function(values[index], expression, connection)
    return values


@cache
def _insert(vendor: str, model: type[Model]) -> tuple[str, list[Any]]:
    fields = [field for field in _columns(model) if not _is_made_by_database(field)]
    marks = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {_table(model)} ({', '.join(map(_name, fields))}) VALUES ({marks})", fields  # noqa: S608


@cache
def _update(
    vendor: str, model: type[Model], names: tuple[str, ...], guards: tuple[str, ...]
) -> tuple[str, list[Any], list[Any]]:
    fields = [_field(model, name) for name in names]
    guarded = [_field(model, name) for name in guards]
    sets = ", ".join(f"{_name(field)} = %s" for field in fields)
    conditions = " AND ".join(f"{_name(field)} = %s" for field in (model._meta.pk, *guarded))
    return f"UPDATE {_table(model)} SET {sets} WHERE {conditions}", fields, guarded  # noqa: S608


def _columns(model: type[Model]) -> list[Any]:
    return list(model._meta.local_concrete_fields)


def _field(model: type[Model], name: str) -> Any:
    return model._meta.get_field(name)


def _is_made_by_database(field: Any) -> bool:
    return bool(field.primary_key and field.get_internal_type().endswith("AutoField"))


def _table(model: type[Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _name(field: Any) -> str:
    return connection.ops.quote_name(field.column)
