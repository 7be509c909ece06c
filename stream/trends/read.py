"""The trends as a page or an API shows them: one round trip for the counts, one for the alarms."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from .buckets import HOURS, MINUTES
from .store import TrendStore
from .tally import EVERYTHING, Tally, sentiment, topics_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One topic in one segment; a value for each bucket.

    Attributes:
        segment: `""` is everybody.
        topic: `""` is every topic.
        texts, negative, positive: Counts.
        share: Of the segment's texts, 0 to 1.
        sentiment: Mean, -1 to 1; None where nobody said anything.
    """

    segment: str
    topic: str
    texts: list[int]
    negative: list[int]
    positive: list[int]
    share: list[float]
    sentiment: list[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trends:
    """What people talk about, and how they feel about it.

    Attributes:
        resolution: Seconds in a bucket.
        times: Beginnings of the buckets in ms, oldest first.
        segments: Those that occur, in alphabetical order; `""` is everybody.
        series: By segment, in each the topics with most texts first.
        alarms: Surges of negative sentiment, newest first.
    """

    resolution: int
    times: list[int]
    segments: list[str]
    series: list[Series]
    alarms: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


async def read(
    store: TrendStore,
    *,
    hours: float = 24,
    segment: str | None = None,
    most: int = 10,
    clock: Callable[[], float] = time.time,
) -> Trends:
    """The trends of the last hours: by the minute up to three hours, by the hour beyond.

    Args:
        store: Where the tallies are.
        hours: How far back, at most two weeks.
        segment: Only this one; `""` is everybody. None: all.
        most: Topics a segment, beside the sum of all.
        clock: Seconds since 1970.

    Raises:
        StoreUnavailableError: Try again.
    """
    resolution = MINUTES if hours * 3600 <= MINUTES.seconds * MINUTES.kept else HOURS
    buckets = resolution.last(clock(), max(1, round(hours * 3600 / resolution.seconds)))
    tallies = await store.read(resolution, buckets)
    cells = [cell for cell in topics_of(tallies) if segment in {None, cell[0]}]
    series = [_series(tallies, *cell) for cell in cells]
    segments = sorted({one.segment for one in series})
    return Trends(
        resolution=resolution.seconds,
        times=[bucket * 1000 for bucket in buckets],
        segments=segments,
        series=[leading for name in segments for leading in _leading(series, name, most)],
        alarms=await store.alarms(),
    )


def _series(tallies: list[Tally], segment: str, topic: str) -> Series:
    texts = [counts[segment, topic, "texts"] for counts in tallies]
    everything = [counts[segment, EVERYTHING, "texts"] for counts in tallies]
    return Series(
        segment=segment,
        topic=topic,
        texts=texts,
        negative=[counts[segment, topic, "negative"] for counts in tallies],
        positive=[counts[segment, topic, "positive"] for counts in tallies],
        share=[part / whole if whole else 0.0 for part, whole in zip(texts, everything, strict=True)],
        sentiment=[sentiment(counts, segment, topic) for counts in tallies],
    )


def _leading(series: list[Series], segment: str, most: int) -> list[Series]:
    """The sum of all topics, then the topics with most texts."""
    ours = sorted((s for s in series if s.segment == segment), key=lambda s: (s.topic != EVERYTHING, -sum(s.texts)))
    return ours[: most + 1]
