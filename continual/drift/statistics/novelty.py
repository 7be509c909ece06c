"""Mean novelty."""

import numpy as np

from ..sums import Floats, Sums


class MeanNovelty:
    """Mean of novelty beyond what is usual for each text's code.

    Strongest where everything moves a little: a new encoder, another language, another style of writing.
    """

    name = "novelty"
    title = "mean novelty beyond the code's usual"

    def get(self, window: Sums, reference: Sums) -> Floats:
        """See Statistic."""
        return window.novelty / np.maximum(window.texts, 1) - reference.novelty / np.maximum(reference.texts, 1)

    def describe(self, sums: Sums) -> float:
        """See Statistic."""
        return float(sums.novelty / np.maximum(sums.texts, 1))
