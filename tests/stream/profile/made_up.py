"""Made-up events for the tests of profile arithmetic."""

import numpy as np

from profilestream.stream.profile.evidence import Evidence, ranking_key
from profilestream.stream.profile.layout import Layout
from profilestream.stream.profile.reduce import reduce
from profilestream.stream.profile.table import ProfileTable, concatenate
from profilestream.stream.profile.units import Observations, units

START = 1_600_000_000_000
LABELS = np.array([0, 3, 7])


def unit_rows(rng: np.random.Generator, count: int, dimensions: int) -> np.ndarray:
    """Random directions, shape (count, dimensions), as embeddings are."""
    drawn = rng.normal(size=(count, dimensions))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def observe(
    times: list[int],
    layout: Layout,
    *,
    seed: int = 0,
    label_ids: np.ndarray = LABELS,
    codes: int = 16,
    unspoken: int = 3,
    excerpt: str = "",
    event_id: str = "e{}",
) -> Observations:
    """Events at the given times; every `unspoken`-th one has no text, the others are evidence of some label."""
    rng = np.random.default_rng(seed)
    count = len(times)
    text = np.flatnonzero(np.arange(count) % unspoken != unspoken - 1)
    scores = rng.random((len(text), len(label_ids)), dtype=np.float32).astype(np.float64)  # heads tell float32
    evidence: list[tuple[Evidence, ...]] = [()] * count
    for position, row in enumerate(text.tolist()):
        best = int(scores[position].argmax())
        score, time = float(scores[position, best]), times[row]
        key = ranking_key(score, time, layout.half_lives[-1])
        evidence[row] = (Evidence(key, int(label_ids[best]), event_id.format(row), excerpt, score, time),)
    return Observations(
        time=np.array(times, dtype=np.int64),
        type=rng.integers(0, 7, count),
        text=text,
        label_ids=label_ids,
        scores=scores,
        polarity=rng.uniform(-1, 1, len(text)),
        vectors=unit_rows(rng, len(text), layout.dimensions),
        codes=np.arange(len(text)) % codes,
        evidence=evidence,
        ids=[int(event) for event in rng.integers(0, 2**63, count)],
        partition=["user-events-0"] * count,
        offset=list(range(count)),
    )


def profile_of(times: list[int], layout: Layout, **options) -> ProfileTable:
    """One profile, of all these events."""
    return fold(units(observe(times, layout, **options), layout))


def fold(table: ProfileTable) -> ProfileTable:
    """All rows as one profile."""
    return reduce(table, np.zeros(len(table), dtype=np.int64), 1)


def side_by_side(*profiles: ProfileTable) -> ProfileTable:
    """Profiles of different users in one table."""
    return concatenate(profiles)
