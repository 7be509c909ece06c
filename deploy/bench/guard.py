"""A guard against getting slower: two ratios of one run beside what was recorded, in about a minute.

Ratios, because CI's machines differ and others work on them: distinct texts to the same model in-process, and events
without a text to plain Python that reads as many events from JSON and counts them by user. Each is the median of
rounds in which both sides have their turn. A ratio may fall by a quarter; one that falls further is measured once more.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ..prepare import Prepared
from ..settings import Settings
from .load import clicks, messages
from .measure import USERS, texts_a_second
from .world import World, world

RECORDED = Path(__file__).parent / "recorded.json"
LEAST = 0.75  # of what was recorded

_WORDS = 12
_TEXTS = 1200
_CLICKS = 40_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """What is guarded."""

    pipeline_to_ceiling: float
    without_text_to_plain_python: float

    def fallen(self, recorded: Mapping[str, float]) -> list[str]:
        """Those that are too low."""
        return [name for name, value in asdict(self).items() if value < LEAST * recorded[name]]

    def table(self, recorded: Mapping[str, float]) -> Table:
        """For the screen."""
        table = Table("ratio", "now", "recorded", "least")
        for name, value in asdict(self).items():
            style = "red" if name in self.fallen(recorded) else ""
            table.add_row(name, f"{value:.3f}", f"{recorded[name]:.3f}", f"{LEAST * recorded[name]:.3f}", style=style)
        return table


def recorded() -> dict[str, float]:
    """The ratios to compare with, as they were measured when they were last written down."""
    found: dict[str, float] = json.loads(RECORDED.read_bytes())["ratios"]
    return found


async def run_guard(settings: Settings, prepared: Prepared, console: Console, rounds: int = 5) -> Ratios:
    """Measure; once more, if a ratio is too low, and then the better of both counts.

    Raises:
        SetupError: The stack or its worker cannot start, or events were lost.
    """
    async with world(settings, prepared, console) as here:
        found = await _measure(here, rounds)
        if found.fallen(recorded()):
            console.print("too slow: measuring once more")
            again = await _measure(here, rounds)
            found = Ratios(**{name: max(value, asdict(again)[name]) for name, value in asdict(found).items()})
    return found


async def _measure(here: World, rounds: int) -> Ratios:
    with Progress(console=here.console) as progress:
        turns = progress.track(range(rounds + 1), description="guard, rounds")
        done = [await _round(here) for _ in turns][1:]  # the first one warms everything up
    return Ratios(
        **{name: median(getattr(one, name) for one in done) for name in asdict(done[0])},
    )


async def _round(here: World) -> Ratios:
    """Plain Python before and after: what the machine does to one of them, it does to what is between."""
    ceiling = await texts_a_second(here.alone, here.texts(_TEXTS, _WORDS))
    distinct = await here.through(messages(f"guard-{here.number()}", here.texts(_TEXTS, _WORDS), USERS))
    before = await asyncio.to_thread(plain_python)
    plain = await here.through(clicks(f"guard-{here.number()}", _CLICKS, USERS))
    after = await asyncio.to_thread(plain_python)
    return Ratios(
        pipeline_to_ceiling=distinct.rate / ceiling,
        without_text_to_plain_python=2 * plain.rate / (before + after),
    )


def plain_python(count: int = _CLICKS) -> float:
    """Events a second that plain Python reads from JSON and counts by user: none of it is ours."""
    lines = [json.dumps(_event(number)) for number in range(count)]
    started = time.perf_counter()
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines:
        event = json.loads(line)
        counts[event["user"], event["type"]] += 1
    return count / (time.perf_counter() - started)


def _event(number: int) -> dict[str, Any]:
    return {"id": f"e-{number}", "user": f"user-{number % USERS}", "type": "view", "time": 1000 * number}
