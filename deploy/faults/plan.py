"""Which faults strike, in which order and for how long: all of it from a seed."""

import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from .kinds import LOSSY, Kind

ROUND = 12  # faults between one look at the profiles and the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault.

    Attributes:
        kind: Of fault.
        pause: Seconds to wait before it.
        seconds: How long it lasts, where that can be said.
        pick: Chooses among several victims; from 0 to 1.
    """

    kind: Kind
    pause: float
    seconds: float
    pick: float


def plan(seed: int, faults: int, kinds: Collection[Kind], size: int = ROUND) -> list[list[Strike]]:
    """Rounds of faults; every kind comes about equally often.

    In every other round Redis keeps all that it acknowledged: there revisions must never go back.

    Args:
        seed: Of every decision.
        faults: How many, in all rounds.
        kinds: Only these.
        size: Faults in a round.
    """
    dice = random.Random(seed)  # noqa: S311 (not a secret)
    drawn: Counter[Kind] = Counter()
    rounds: list[list[Strike]] = []
    while (left := faults - drawn.total()) > 0:
        gentle = [kind for kind in kinds if kind not in LOSSY]
        allowed = gentle if gentle and len(rounds) % 2 == 0 else list(kinds)
        some = [_draw(dice, allowed, drawn) for _ in range(min(left, size))]
        dice.shuffle(some)
        rounds.append([_strike(dice, kind) for kind in some])
    return rounds


def _draw(dice: random.Random, allowed: Collection[Kind], drawn: Counter[Kind]) -> Kind:
    """One of those that came least often."""
    least = min(drawn[kind] for kind in allowed)
    kind = dice.choice([kind for kind in allowed if drawn[kind] == least])
    drawn[kind] += 1
    return kind


def _strike(dice: random.Random, kind: Kind) -> Strike:
    return Strike(kind=kind, pause=dice.uniform(0.5, 2.5), seconds=dice.uniform(1.0, 3.5), pick=dice.random())
