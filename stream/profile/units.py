"""One event, one row: what an event alone would make of an empty profile."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...schemas.events import EVENT_TYPES
from .evidence import Evidence
from .layout import DAY_MS, HOURS, Layout
from .table import CodeSums, Floats, Integers, ProfileTable

_TYPE_INDEX = {name: index for index, name in enumerate(EVENT_TYPES)}
_OTHER = _TYPE_INDEX["other"]


def type_index(name: str) -> int:
    """Column of an event type; types that nobody knows are counted as `other`."""
    return _TYPE_INDEX.get(name, _OTHER)


@dataclass(slots=True, kw_only=True)
class Observations:
    """What was understood of e events, as columns. L labels, D dimensions.

    Attributes:
        time: Event times in ms, shape (e,).
        type: Index in `EVENT_TYPES`, shape (e,).
        text: Rows of the events that have a text, ascending, shape (t,).
        label_ids: Which labels `scores` is about, ascending, shape (L,).
        scores: What each text adds to each label, not negative, shape (t, L).
        polarity: Sentiment of each text, -1 to 1, shape (t,).
        vectors: Projected embeddings, shape (t, D).
        codes: Code of each text in the codebook, shape (t,).
        evidence: For each event, what it is evidence of.
        ids: For each event, a hash of its id.
        partition, offset: For each event, where it was read.
    """

    time: Integers
    type: Integers
    text: Integers
    label_ids: Integers
    scores: NDArray[np.floating[Any]]
    polarity: Floats
    vectors: NDArray[np.floating[Any]]
    codes: Integers
    evidence: list[tuple[Evidence, ...]]
    ids: list[int]
    partition: list[str]
    offset: list[int]

    def __len__(self) -> int:
        return len(self.time)

    def take(self, rows: Integers) -> "Observations":
        """Only some events, in the given (ascending) order."""
        if len(rows) == len(self):
            return self
        position = np.full(len(self), -1)
        position[rows] = np.arange(len(rows))
        kept = position[self.text] >= 0
        return Observations(
            time=self.time[rows],
            type=self.type[rows],
            text=position[self.text[kept]],
            label_ids=self.label_ids,
            scores=self.scores[kept],
            polarity=self.polarity[kept],
            vectors=self.vectors[kept],
            codes=self.codes[kept],
            evidence=[self.evidence[row] for row in rows],
            ids=[self.ids[row] for row in rows],
            partition=[self.partition[row] for row in rows],
            offset=[self.offset[row] for row in rows],
        )


def units(seen: Observations, layout: Layout) -> ProfileTable:
    """A table with one row an event: `reduce` turns it into profiles."""
    table = ProfileTable.empty(len(seen), layout, seen.label_ids)
    rows = np.arange(len(seen))
    table.t_ref = seen.time.astype(np.float64)
    table.first, table.last = seen.time.copy(), seen.time.copy()
    table.events[:] = 1
    table.weights[:] = 1.0
    table.types[rows, :, seen.type] = 1.0
    table.hours[rows, hour_of_day(seen.time)] = 1.0
    table.texts[seen.text] = 1.0
    table.labels[seen.text] = seen.scores[:, None, :]
    moments = np.stack([np.ones_like(seen.polarity), seen.polarity, seen.polarity**2], axis=-1)
    table.sentiment[seen.text] = moments[:, None, :]
    table.vector[seen.text] = seen.vectors
    table.codes = CodeSums(
        row=seen.text.copy(), code=seen.codes, weight=np.ones(len(seen.text)), vector=seen.vectors.astype(np.float64)
    )
    table.evidence = seen.evidence
    table.offsets = [{p: o} for p, o in zip(seen.partition, seen.offset, strict=True)]
    table.recent = [(event,) for event in seen.ids]
    return table


def hour_of_day(time: Integers) -> Integers:
    """Hour of the day in UTC, 0 to 23, of times in ms."""
    hour: Integers = (time % int(DAY_MS)) // (int(DAY_MS) // HOURS)
    return hour
