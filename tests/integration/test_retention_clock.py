"""Retention by a clock that may be wrong: nothing is deleted for a day, in which somebody can see to it."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from gate.service.retention import Retention
from tests.integration.parts import NOON, Parts, reply, running

HOUR: Final = 3_600 * 10**9
DAY: Final = 24 * HOUR
MINUTE: Final = 60 * 10**9
KEEP: Final = 30 * DAY


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        """Tell the time."""
        return self.now


class Desk:
    """A gate whose log has an old event, a new one, and its retention with both clocks."""

    def __init__(self, gate: Parts, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
        self.gate = gate
        self.clock = clock
        self.steady = Clock(7 * DAY)
        self._caplog = caplog
        self.retention = self.started()

    def started(self) -> Retention:
        """Begin as after a start of the gate."""
        return Retention(self.gate.store, KEEP, self.clock, steady=self.steady)

    def passed(self, time: int) -> None:
        """Let time pass by both clocks."""
        self.clock.now += time
        self.steady.now += time

    async def record(self, contact: str) -> None:
        """Record an event now."""
        await self.gate.record(reply("STOP", contact=contact, at=None, event_id=f"{contact} {self.clock.now}"))

    def told(self) -> list[str]:
        """Take out what the log says."""
        told = [record.getMessage() for record in self._caplog.records if record.name == "gate.service.retention"]
        self._caplog.clear()
        return told


@pytest.fixture
async def desk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Desk]:
    """Run a gate that recorded one event a month and a day ago, and one an hour ago."""
    caplog.set_level(logging.INFO)
    clock = Clock(NOON)
    async with running(tmp_path / "gate.db", clock=clock) as gate:
        desk = Desk(gate, clock, caplog)
        await desk.record("old")
        desk.passed(KEEP + DAY)
        await desk.record("new")
        desk.passed(HOUR)
        yield desk


async def test_a_gate_in_use_sweeps_at_its_start(desk: Desk) -> None:
    """Where the clock is right nothing is waited for, and nothing told."""
    assert await desk.retention.turn() == 1
    assert desk.told() == []


async def test_an_empty_log_says_nothing_about_the_clock(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to delete, and nothing to tell."""
    async with running(tmp_path / "empty.db") as gate:
        desk = Desk(gate, Clock(NOON), caplog)
        assert await desk.retention.turn() == 0
    assert desk.told() == []


@pytest.mark.parametrize(("silent", "gone"), [(DAY, 1), (DAY + 1, 0), (400 * DAY, 0)])
async def test_a_start_after_silence(desk: Desk, silent: int, gone: int) -> None:
    """By a clock that is more than a day later than the newest event nothing goes at the start."""
    desk.passed(silent - HOUR)

    assert await desk.started().turn() == gone

    assert len(desk.told()) == 1 - gone


async def test_a_clock_that_is_far_ahead_at_the_start(desk: Desk) -> None:
    """It is told once, in a line; nothing goes for a day of the steady clock, though events are recorded meanwhile."""
    desk.clock.now += 400 * DAY
    retention = desk.started()

    assert await retention.turn() == 0
    assert desk.told() == [
        "retention: the newest event is 9,601.0 hours old, if the clock is right; nothing is deleted for a day"
    ]
    for _ in range(23):
        desk.passed(HOUR)
        await desk.record("now")
        assert await retention.turn() == 0
    desk.passed(HOUR)

    assert await retention.turn() == 2
    assert desk.told() == []


@pytest.mark.parametrize(("jump", "told"), [(400 * DAY, "+9,600.0"), (-2 * HOUR, "-2.0"), (5 * MINUTE + 1, "+0.1")])
async def test_a_clock_that_is_set_while_the_gate_runs(desk: Desk, jump: int, told: str) -> None:
    """A day is waited for from then on, whichever way it was set."""
    assert await desk.retention.turn() == 1
    desk.passed(KEEP)
    await desk.record("newest")
    desk.clock.now += jump

    assert await desk.retention.turn() == 0
    assert desk.told() == [f"retention: the clock was set by {told} hours; nothing is deleted for a day"]
    desk.passed(DAY - 1)
    assert await desk.retention.turn() == 0
    desk.passed(1)
    assert await desk.retention.turn() == 1
    assert desk.told() == []


async def test_a_clock_that_is_set_right_again(desk: Desk) -> None:
    """Another day is waited for, and what was wrongly taken for old stays."""
    assert await desk.retention.turn() == 1
    desk.clock.now += 400 * DAY
    assert await desk.retention.turn() == 0
    desk.passed(DAY - HOUR)
    desk.clock.now -= 400 * DAY

    for _ in range(24):
        assert await desk.retention.turn() == 0
        desk.passed(HOUR)

    await desk.record("newest")
    assert await desk.retention.turn() == 0
    assert len(desk.told()) == 2


async def test_a_clock_that_is_slewed(desk: Desk) -> None:
    """Five minutes between two looks are no reason to wait."""
    assert await desk.retention.turn() == 1
    desk.passed(KEEP)
    await desk.record("newest")
    desk.clock.now += 5 * MINUTE

    assert await desk.retention.turn() == 1
    assert desk.told() == []
