"""Counts of texts by segment and topic. Whole numbers that add: of workers, of minutes, of replicas, in any order."""

from collections import Counter
from collections.abc import Iterable
from typing import Literal

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
    counts: Tally = Counter()
    for of, topic, feeling in zip(segments, topics, polarity, strict=True):
        for segment in (EVERYBODY, *map(_plain, of)):
            for about in (EVERYTHING, _plain(topic)) if topic else (EVERYTHING,):
                counts[segment, about, "texts"] += 1
                counts[segment, about, "polarity"] += round(feeling * _THOUSANDTHS)
                if feeling <= NEGATIVE:
                    counts[segment, about, "negative"] += 1
                elif feeling >= POSITIVE:
                    counts[segment, about, "positive"] += 1
    return counts


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
