"""Share of very novel texts."""

import numpy as np

from ..sums import Floats, Sums


class NoveltyTail:
    """Share of texts that are more novel than 95 % of the reference (the univariate tail of Rabanser et al., 2019).

    Strongest where a few texts are of a new kind: 5 % of them hardly move the mean, but nearly double this share.
    """

    name = "novelty_tail"
    title = "share of very novel texts"

    def get(self, window: Sums, reference: Sums) -> Floats:
        """See Statistic."""
        return window.novel / np.maximum(window.texts, 1) - reference.novel / np.maximum(reference.texts, 1)

    def describe(self, sums: Sums) -> float:
        """See Statistic."""
        return float(sums.novel / np.maximum(sums.texts, 1))
