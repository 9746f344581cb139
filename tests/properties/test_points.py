"""Every commit and every effect passes its fault points, so that the kill test knows of it."""

import pytest

from sessions_app.faults import COMMITS, EFFECTS
from tests.properties.source import Call, Source, called, literal, owner
from tools_app.faults import COMMITS as TOOL_COMMITS

SOURCE = Source("sessions_app", "tools_app")
ALL_COMMITS = {**COMMITS, **TOOL_COMMITS}
NAMING = {"writing": 1, "holding": 1}
WRITES = ("save", "create", "bulk_create", "delete", "get_or_create", "update_or_create", "bulk_update")
ROW_WRITES = ("insert_rows", "update_row", "save_row")
UNTOLD = {
    "renew_holds": "one row's lease moves; dying before or after it is dying between two beats",
    "forget_session": "inside session.delete; what stands outside it is a directory",
    "delete_older_than": "retention of decisions: no run reads them",
}


def _is_write(call: Call) -> bool:
    on = owner(call.node)
    if call.module.endswith("models.py") or on == "super()":
        return False
    if call.name == "update":
        return "objects" in on or "found" in on
    return call.name in ROW_WRITES or (call.name in WRITES and on not in ("messages", "tools"))


def _passes(call: Call) -> set[str]:
    """The fault points that the function around `call` passes by their literal names."""
    return {literal(other.node, 0) for other in SOURCE.within(call) if other.name == "point"}


def _commit_of(call: Call) -> str | None:
    """The named commit whose transaction is open around `call` in its own function."""
    for entered in call.withs():
        if called(entered) in NAMING:
            return literal(entered, NAMING[called(entered)])
        if called(entered) == "atomic":
            before = [name.removesuffix(".before") for name in _passes(call) if name.endswith(".before")]
            inner = [literal(other.node, NAMING[other.name]) for other in SOURCE.within(call) if other.name in NAMING]
            return next(iter(before + inner), None)
    return None


def _is_covered(call: Call, seen: frozenset[str] = frozenset()) -> bool:
    """In a named commit itself, or called only from such places."""
    if _commit_of(call) is not None:
        return True
    name = call.function
    if name in UNTOLD or name in seen:
        return True
    callers = [other for other in SOURCE.to(name) if not name.startswith("_") or other.module == call.module]
    return bool(callers) and all(_is_covered(caller, seen | {name}) for caller in callers)


def test_every_write_is_inside_a_commit_with_fault_points() -> None:
    """A service that writes by itself is found here."""
    writes = [call for call in SOURCE.calls if _is_write(call)]
    assert len(writes) > 30
    assert [call.place for call in writes if not _is_covered(call)] == []


def test_every_commit_has_a_registered_name() -> None:
    """`writing` and `holding` name it; whoever opens a transaction passes both of its points."""
    for call in SOURCE.to(*NAMING):
        if call.function != "holding":
            assert literal(call.node, NAMING[call.name]) in COMMITS, call.place
    for call in SOURCE.to("atomic"):
        passed = _passes(call)
        inner = [other for other in SOURCE.within(call) if _opens_named(other)]
        if not inner:
            assert any({f"{name}.before", f"{name}.after"} <= _plain(passed) for name in (*ALL_COMMITS, "{commit}"))


def _opens_named(call: Call) -> bool:
    """Whether the call is, or leads at once to, a commit with a name of its own."""
    if call.name in NAMING:
        return True
    return any(other.function == call.name and other.name in NAMING for other in SOURCE.calls)


def _plain(names: set[str]) -> set[str]:
    return {name.removeprefix("f'").removeprefix('f"') for name in names}


@pytest.mark.parametrize("name", ALL_COMMITS)
def test_every_registered_commit_is_made_somewhere(name: str) -> None:
    """A name that nothing commits would be a kill test of nothing."""
    named = {literal(call.node, NAMING[call.name]) for call in SOURCE.to(*NAMING)}
    passed = {literal(call.node, 0) for call in SOURCE.to("point")}
    assert name in named or {f"{name}.before", f"{name}.after"} <= passed


@pytest.mark.parametrize("name", EFFECTS)
def test_every_effect_point_is_passed_once(name: str) -> None:
    """One place for each kind of effect."""
    assert [literal(call.node, 0) for call in SOURCE.to("point")].count(name) == 1


def test_every_effect_begins_between_its_points() -> None:
    """A model is asked and a tool is run nowhere else."""
    models = [call for call in SOURCE.to("complete") if "client_for" in owner(call.node)]
    tools = [call for call in SOURCE.to("run") if owner(call.node) == "tool"]
    assert [len(models), len(tools)] == [1, 1]
    assert len(SOURCE.to("client_for")) == 1
    assert _is_between(models[0], "effect.model")
    assert _is_between(tools[0], "effect.tool")


def _is_between(call: Call, name: str) -> bool:
    lines = {literal(other.node, 0): other.node.lineno for other in SOURCE.within(call) if other.name == "point"}
    if f"{name}.begin" in lines:
        return lines[f"{name}.begin"] < call.node.lineno < lines[f"{name}.end"]
    callers = [other for other in SOURCE.to(call.function) if other.module == call.module]
    return bool(callers) and all(_is_between(caller, name) for caller in callers)
