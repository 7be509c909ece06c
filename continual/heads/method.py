"""What a closed form is: from sums to one linear map, and how it would have judged texts that it had not seen."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...inference.features import RandomFeatures
from .calibration import Calibration
from .sample import Sample
from .sums import Array, Ids, Sums


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fit:
    """A linear map, not calibrated, of k labels.

    Attributes:
        method: Which closed form it is.
        features: What the weights apply to; None: the embedding itself.
        weights: Shape (k, w).
        bias: Shape (k,).
        held_out: Logits of each text of the sample under the map without that text, shape (n, k).
        ids: True labels of these texts, shape (n,).
        default: How it is calibrated while there are too few texts to do it by.
    """

    method: str
    features: RandomFeatures | None
    weights: NDArray[np.floating]
    bias: Array
    held_out: Array
    ids: Ids
    default: Calibration

    @property
    def accuracy(self) -> float:
        """Share of the sample's texts that get their label from the others; 0 where there are none."""
        return float((self.held_out.argmax(axis=1) == self.ids).mean()) if len(self.ids) else 0.0


class Method(Protocol):
    """A closed form. Labels without a text may get any row: nobody looks at it."""

    @property
    def name(self) -> str:
        """For people and reports."""
        ...

    @property
    def features(self) -> RandomFeatures | None:
        """What the sums have to be over."""
        ...

    def fit(self, sums: Sums, sample: Sample) -> Fit:
        """The map that follows from the sums; the sample is a part of what is in them."""
        ...


def shared(sample: Sample, counts: Array) -> tuple[NDArray[np.float32], Ids]:
    """The texts of the sample whose label has others: without its only text, nobody could know a label."""
    several = counts[sample.ids] > 1
    return sample.rows[several], sample.ids[several]
