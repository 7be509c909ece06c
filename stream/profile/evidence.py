"""Why a profile says what it says: the events that speak most for a label."""

import math
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Evidence(NamedTuple):
    """An event that speaks for a label.

    Attributes:
        key: What it is ranked by, see `ranking_key`: it never changes, so ranking does not depend on when it is done.
        label: Id of the label.
        event: The event's id.
        excerpt: The beginning of its redacted text.
        confidence: The head's score, 0 to 1.
        time: When, in ms.
    """

    key: float
    label: int
    event: str
    excerpt: str
    confidence: float
    time: int


def ranking_key(confidence: float, time: float, half_life: float) -> float:
    """log2 of the decayed weight `confidence * 2^((time - now) / half_life)`, but for the `now` that all share."""
    return math.log2(confidence) + time / half_life


def strongest(items: Iterable[Evidence], most: int, per_label: int) -> tuple[Evidence, ...]:
    """The `most` items of the highest key, at most `per_label` of one label, best first, each event once a label.

    Commutative, associative and idempotent: what is left out of a part would be left out of the whole, since
    whatever outranks it there outranks it here.
    """
    kept: list[Evidence] = []
    of_label: Counter[int] = Counter()
    for item in sorted(set(items), reverse=True):
        if of_label[item.label] < per_label:
            of_label[item.label] += 1
            kept.append(item)
            if len(kept) == most:
                break
    return tuple(kept)
