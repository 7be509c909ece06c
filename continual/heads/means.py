"""Nearest class mean: the cosine of a text to the mean of each label's texts."""

from dataclasses import dataclass

import numpy as np

from .calibration import Calibration
from .method import Fit, shared
from .sample import Sample
from .sums import Array, Sums

_DEFAULT = Calibration(scale=20.0, threshold=12.0)  # told from a cosine of 0.6 on


@dataclass(frozen=True, slots=True)
class ClassMeans:
    """Needs one text a label, and hardly gets better beyond ten (iCaRL: Rebuffi et al., CVPR 2017)."""

    name: str = "class means"
    features: None = None

    def fit(self, sums: Sums, sample: Sample) -> Fit:
        """See Method."""
        moments = sums.of_embeddings()
        weights = _unit(moments.sums)
        rows, ids = shared(sample, moments.counts)
        held_out = rows.astype(np.float64) @ weights.T
        # Without the text itself, only its own label's mean is another one.
        others = _unit(moments.sums[ids] - rows)
        held_out[np.arange(len(ids)), ids] = np.einsum("ij,ij->i", others, rows)
        bias = np.zeros(len(weights))
        return Fit(
            method=self.name,
            features=None,
            weights=weights,
            bias=bias,
            held_out=held_out,
            ids=ids,
            default=_DEFAULT,
        )


def _unit(rows: Array) -> Array:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, 1e-12))
