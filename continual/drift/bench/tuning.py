"""How the monitor's options were chosen: on five of the ten domains, so that the other five can judge them.

The other five are never new while options are compared. They are part of the usual stream, as in any deployment.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from ..monitor import DriftOptions
from .data import Texts, scenes
from .run import Result, bench
from .streams import WITHIN

Half = Literal["held-out", "tuned", "all"]

_PARTS = 4  # windows overlap: one begins each quarter
WINDOWS = (300, 500, 700, 900)  # two in a row must end within 1,000 texts of a change
LEVELS = (0.0005, 0.001, 0.002, 0.005)
MOST_FALSE = 0.001  # false alarms a check: a busy stream has thousands of checks an hour


@dataclass(frozen=True, slots=True)
class Tried:
    """Options, and what they came to on the domains that options are chosen on."""

    options: DriftOptions
    result: Result


def domains(texts: Texts, half: Half) -> list[str]:
    """By alphabet, the first half is for choosing options, the second is held out to judge them."""
    names = sorted(set(texts.domains.tolist()))
    middle = len(names) // 2
    return {"tuned": names[:middle], "held-out": names[middle:], "all": names}[half]


def grid(base: DriftOptions) -> Iterator[DriftOptions]:
    """All windows with all levels."""
    for window in WINDOWS:
        for level in LEVELS:
            yield replace(base, window=window, step=window // _PARTS // base.block * base.block, level=level)


def tune(
    texts: Texts, options: Iterable[DriftOptions], *, repeats: int, seed: int, progress: Callable[[], None]
) -> list[Tried]:
    """Try options on the domains for that; the best one first, by `rank`."""
    tried, names = [], domains(texts, "tuned")
    casts = list(scenes(texts, names, seed))
    for option in options:
        tried.append(Tried(option, bench(casts, names, option, {}, repeats=repeats, seed=seed)))
        progress()
    return sorted(tried, key=rank, reverse=True)


def rank(tried: Tried) -> tuple[bool, float, float]:
    """Rare false alarms first, then power over all shares of new texts, then the sooner alarm at a tenth."""
    figures = tried.result.as_dict()
    power = sum(value or 0.0 for value in figures["power"].values())
    return figures["false_alarms_per_check"] <= MOST_FALSE, round(power, 6), -(figures["median_delay"]["10"] or WITHIN)
