"""Virtual time."""

import asyncio
import random

import pytest

from profilestream.stream.simulation.clock import run_virtually


def test_waiting_takes_no_time() -> None:
    """A year of timers passes in order, at once, and the clock shows it."""

    async def year() -> list[float]:
        times = []
        for _ in range(365):
            await asyncio.sleep(86_400)
            times.append(asyncio.get_running_loop().time())
        return times

    assert run_virtually(year(), 0) == pytest.approx([86_400.0 * day for day in range(1, 366)])


def test_timeouts_are_virtual_too() -> None:
    """A deadline passes although nothing real waits for it."""

    async def hang() -> None:
        async with asyncio.timeout(3600):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        run_virtually(hang(), 0)


def test_a_simulation_that_stands_still_says_so() -> None:
    """Instead of hanging for ever when nobody can go on."""
    with pytest.raises(RuntimeError, match="stands still"):
        run_virtually(asyncio.Event().wait(), 0)  # type: ignore[arg-type]


def test_chance_outside_is_left_alone() -> None:
    """The process's own random numbers go on as if nothing had been simulated, and a seed draws the same each time."""

    async def draw() -> float:
        return random.random()

    random.seed(5)
    expected = [random.random(), random.random()]
    random.seed(5)
    first = random.random()
    assert run_virtually(draw(), 9) == run_virtually(draw(), 9)
    assert [first, random.random()] == expected
