"""Share of texts about which the heads are unsure."""

import numpy as np

from ..sums import Floats, Sums


class ConfidenceTail:
    """Share of texts whose best label scores lower than for 95 % of the reference.

    A model's own outputs tell a shift of its inputs better than most tests of the inputs do (Lipton, Wang & Smola, ICML
    2018; Rabanser, Günnemann & Lipton, "Failing Loudly", NeurIPS 2019). Without heads it is 0 and says nothing.
    """

    name = "confidence_tail"
    title = "share of texts that the heads are unsure about"

    def get(self, window: Sums, reference: Sums) -> Floats:
        """See Statistic."""
        return window.unsure / np.maximum(window.texts, 1) - reference.unsure / np.maximum(reference.texts, 1)

    def describe(self, sums: Sums) -> float:
        """See Statistic."""
        return float(sums.unsure / np.maximum(sums.texts, 1))
