"""Counts of texts by segment and topic. Whole numbers that add: of workers, of minutes, of replicas, in any order."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

EVERYBODY = ""
EVERYTHING = ""
NEGATIVE, POSITIVE = -0.25, 0.25  # polarity beyond which a text is counted as one or the other
BETWEEN = "\x1f"  # what ASCII has to stand between parts of a name; in no name itself
_THOUSANDTHS = 1000

Count = Literal["texts", "negative", "positive", "polarity"]  # polarity: the sum, in thousandths
Tally = Counter[tuple[str, str, Count]]


def tally(segments: Iterable[Iterable[str]], topics: Iterable[str | None], polarity: Iterable[float]) -> Tally:
    """Count texts.

    Args:
        segments: Of each text; everybody is added.
        topics: Of each text, None where it is about nothing that we know; everything is added.
        polarity: Of each text, -1 to 1.

    Returns:
        Counts by segment, topic and kind.
    """
    felt: defaultdict[tuple[tuple[str, ...], str | None], list[float]] = defaultdict(list)
    for of, topic, feeling in zip(segments, topics, polarity, strict=True):
        felt[tuple(of), topic].append(feeling)
    counts: Tally = Counter()
    for (of, topic), feelings in felt.items():
        kinds = _kinds(np.array(feelings))
        for segment in (EVERYBODY, *map(_plain, of)):
            for about in (EVERYTHING, _plain(topic)) if topic else (EVERYTHING,):
                for kind, count in kinds:
                    counts[segment, about, kind] += count
    return counts


def _kinds(polarity: NDArray[np.float64]) -> list[tuple[Count, int]]:
    """What texts of this polarity add, those kinds that are not 0."""
    kinds: dict[Count, int] = {
        "texts": len(polarity),
        "polarity": int(np.rint(polarity * _THOUSANDTHS).sum()),
        "negative": int((polarity <= NEGATIVE).sum()),
        "positive": int((polarity >= POSITIVE).sum()),
    }
    return [(kind, count) for kind, count in kinds.items() if count]


def sentiment(counts: Tally, segment: str, topic: str) -> float | None:
    """Mean polarity, -1 to 1; None where there is no text."""
    texts = counts[segment, topic, "texts"]
    return counts[segment, topic, "polarity"] / texts / _THOUSANDTHS if texts else None


def topics_of(tallies: Iterable[Tally]) -> list[tuple[str, str]]:
    """Segments and topics that occur, in alphabetical order."""
    return sorted({(segment, topic) for counts in tallies for segment, topic, _ in counts})


def _plain(name: str) -> str:
    """Segments and labels are whatever producers wrote."""
    return name.replace(BETWEEN, " ")
