"""Many who ask at once make the site look once."""

import asyncio

import pytest

from monitoring_app import health
from monitoring_app.types import Finding, Level, Part, Report


@pytest.mark.django_db(transaction=True)
async def test_a_report_is_given_again_for_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0

    async def look() -> Finding:
        nonlocal looks
        looks += 1
        return Finding(Level.OK, "Works.")

    monkeypatch.setattr(health, "VITAL", {"database": look})
    await asyncio.gather(*(health.examine_vital_parts() for _ in range(20)))
    await health.examine_vital_parts()
    assert looks == 1
    monkeypatch.setattr(health, "MEMORY_SECONDS", 0.0)
    await health.examine_vital_parts()
    assert looks == 2


async def test_a_check_that_hangs_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> Finding:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.01)
    monkeypatch.setattr(health, "VITAL", {"database": hang})
    report = await health.examine_vital_parts()
    assert report.level is Level.DOWN


def test_the_worst_part_counts() -> None:
    def report(*levels: Level) -> Level:
        return Report(tuple(Part("x", level, "", 0.0) for level in levels)).level

    assert report(Level.OK, Level.OK) is Level.OK
    assert report(Level.OK, Level.DEGRADED) is Level.DEGRADED
    assert report(Level.DOWN, Level.DEGRADED, Level.OK) is Level.DOWN
