"""Population stability index over the codes of the codebook."""

import numpy as np

from ..sums import Floats, Sums

_PRIOR = 0.5  # texts that every code is believed to have had besides, in window and reference (Jeffreys)


class PopulationStability:
    """PSI = sum over codes of (p - q) log(p / q), as its logarithm: the mix of topics.

    The usual limits of 0.1 and 0.25 misfire: with w texts in the window and c codes the PSI of an unchanged stream is
    about (c - 1)(1 / w + 1 / r) (Yurdakul & Naranjo, "Statistical properties of the population stability
    index", 2020), here 0.5. So only its distance from what resampling gives counts; the logarithm makes that nearly
    normal.
    """

    name = "mix"
    title = "population stability index over the codes (log)"

    def get(self, window: Sums, reference: Sums) -> Floats:
        """See Statistic."""
        p, q = _shares(window), _shares(reference)
        psi: Floats = ((p - q) * np.log(p / q)).sum(axis=-1)
        return np.log(psi + 1e-6)

    def describe(self, sums: Sums) -> float:
        """See Statistic: the effective number of codes, exp of the entropy."""
        p = _shares(sums)
        return float(np.exp(-(p * np.log(p)).sum()))


def _shares(sums: Sums) -> Floats:
    codes = sums.codes.shape[-1]
    shares: Floats = (sums.codes + _PRIOR) / np.expand_dims(sums.texts + _PRIOR * codes, -1)
    return shares
