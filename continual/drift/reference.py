"""What was usual: fitted once on the first texts after a model came into use, then never changed.

Topics differ in how novel their texts look to a codebook, so a mere change of the mix of topics moves the mean novelty.
Novelty and confidence are therefore compared with what is usual *for the text's code* (direct standardisation, as
epidemiology compares populations of different ages): what is left moves with the content, not with the mix. A code's
mean is shrunk towards the mean of all, and each text of the reference is compared with the others of its code, without
itself: otherwise the reference would look closer to itself than anything that comes later.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ...inference.artefacts import Tensors, need
from .rows import Rows
from .sums import Floats, Sums
from .words import count_words

TAIL = 0.05  # share of the reference that counts as novel, and as unsure
EDGES: Floats = np.linspace(0.0, 1.2, 49)  # of the histogram of novelty
_KIND = "drift reference"
_PRIOR = 10.0  # texts that the mean of all is worth in a code's mean
_MOST_WORDS = 5000


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What was usual.

    Attributes:
        novelty, confidence: Usual for each code, shape (codes,).
        novel_above, unsure_below: Beyond these residuals lie `TAIL` of the reference.
        blocks: Sums of consecutive blocks of texts, for resampling: shape (blocks, 4 + codes).
        histogram: Texts by novelty, between `EDGES`.
        words: In how many texts each frequent word occurs.
    """

    novelty: Floats
    confidence: Floats
    novel_above: float
    unsure_below: float
    blocks: Floats
    histogram: Floats
    words: Counter[str]

    @classmethod
    def fit(cls, rows: Rows, codes: int, block: int) -> Self:
        """From the first texts.

        Args:
            rows: Of the texts, whole blocks; what is beyond the last is left out.
            codes: In the codebook.
            block: Texts in a block.
        """
        rows = rows[: len(rows) // block * block]
        novelty, new = _usual(rows.codes, rows.novelty, codes)
        confidence, sure = _usual(rows.codes, rows.confidence, codes)
        novel_above, unsure_below = float(np.quantile(new, 1 - TAIL)), float(np.quantile(sure, TAIL))
        columns = _columns(rows.codes, new, new > novel_above, sure < unsure_below, codes)
        blocks = columns.reshape(-1, block, columns.shape[1]).sum(axis=1)
        words = Counter(dict(count_words(rows.texts).most_common(_MOST_WORDS)))
        return cls(novelty, confidence, novel_above, unsure_below, blocks, histogram(rows), words)

    @property
    def codes(self) -> int:
        """In the codebook."""
        return len(self.novelty)

    @property
    def texts(self) -> int:
        """In the reference."""
        return round(float(self.blocks[:, 0].sum()))

    @property
    def sums(self) -> Sums:
        """Of all the reference."""
        return Sums.of_matrix(self.blocks.sum(axis=0))

    def residuals(self, rows: Rows) -> tuple[Floats, Floats]:
        """Novelty and confidence beyond what is usual for each text's code, shape (n,) each."""
        novelty, confidence = rows.novelty.astype(np.float64), rows.confidence.astype(np.float64)
        return novelty - self.novelty[rows.codes], confidence - self.confidence[rows.codes]

    def summarise(self, rows: Rows) -> Sums:
        """Texts as seen from the reference."""
        new, sure = self.residuals(rows)
        return Sums(
            texts=np.float64(len(rows)),  # type: ignore[arg-type]
            novelty=new.sum(),
            novel=np.float64((new > self.novel_above).sum()),  # type: ignore[arg-type]
            unsure=np.float64((sure < self.unsure_below).sum()),  # type: ignore[arg-type]
            codes=np.bincount(rows.codes, minlength=self.codes).astype(np.float64),
        )

    def tensors(self) -> Tensors:
        """For safetensors; the words go into the metadata."""
        ends = np.array([self.novel_above, self.unsure_below])
        return {
            "reference.novelty": self.novelty,
            "reference.confidence": self.confidence,
            "reference.ends": ends,
            "reference.blocks": self.blocks,
            "reference.histogram": self.histogram,
        }

    @classmethod
    def of(cls, tensors: Tensors, words: dict[str, Any]) -> Self:
        """From what `tensors` gave.

        Raises:
            ArtefactError: Something is missing or of another shape.
        """
        novelty = need(_KIND, tensors, "reference.novelty", (-1,))
        confidence = need(_KIND, tensors, "reference.confidence", novelty.shape)
        above, below = need(_KIND, tensors, "reference.ends", (2,)).tolist()
        blocks = need(_KIND, tensors, "reference.blocks", (-1, 4 + len(novelty)))
        counts = need(_KIND, tensors, "reference.histogram", (len(EDGES) - 1,))
        return cls(novelty, confidence, above, below, blocks, counts, Counter(words))


def histogram(rows: Rows) -> Floats:
    """Texts by novelty, between `EDGES`; what lies beyond is counted at the ends."""
    counts, _ = np.histogram(np.clip(rows.novelty, EDGES[0], EDGES[-1]), EDGES)
    return counts.astype(np.float64)


def _usual(codes: NDArray[np.uint16], values: NDArray[np.float32], size: int) -> tuple[Floats, Floats]:
    """The mean of each code, shrunk; and each value less the mean of the others of its code."""
    wide: Floats = values.astype(np.float64)
    total, count = float(wide.mean()), np.bincount(codes, minlength=size)
    sums = np.bincount(codes, wide, minlength=size) + _PRIOR * total
    others = (sums[codes] - wide) / (count[codes] - 1 + _PRIOR)
    return sums / (count + _PRIOR), wide - others


def _columns(
    codes: NDArray[np.uint16], new: Floats, novel: NDArray[np.bool_], unsure: NDArray[np.bool_], size: int
) -> Floats:
    """What each text adds to the sums, shape (n, 4 + codes)."""
    columns = np.zeros((len(codes), 4 + size))
    columns[:, 0], columns[:, 1], columns[:, 2], columns[:, 3] = 1.0, new, novel, unsure
    columns[np.arange(len(codes)), 4 + codes.astype(np.int64)] = 1.0
    return columns
