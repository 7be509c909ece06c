"""Histories without any fault."""

import random
from collections.abc import Coroutine
from typing import TypeVar

from profilestream.stream.simulation.clock import run_virtually
from profilestream.stream.simulation.faults import Dice

T = TypeVar("T")


def calm() -> Dice:
    """Dice that never strike."""
    return Dice(random.Random(1), most=0)


def in_peace(job: Coroutine[object, object, T]) -> T:
    """Run a coroutine in virtual time."""
    return run_virtually(job, 1)  # type: ignore[arg-type]
