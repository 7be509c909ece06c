"""The closed form that suits the labels at hand: class means first, regression on random features as more come.

Shrinkage LDA stands for the class means here: with few texts it is them, and it was never behind them (CLINC150: equal
at one text a label, 0.6 points ahead at five and ten, 1.0 at 25).
"""

from collections.abc import Sequence

from ...inference.features import RandomFeatures
from .lda import ShrinkageLda
from .method import Fit, Method
from .random_ridge import RandomFeatureRidge
from .sample import Sample
from .sums import Sums

FEATURES = 4096


class Automatic:
    """Of several methods the one that judges held-out texts best; of equals the simplest.

    Each text of the sample is judged by all texts but itself, so nothing has to be set: how many texts a label needs
    before regression pays depends on the labels.

    Args:
        methods: The simplest first; those with features all have the same.
    """

    name = "automatic"

    def __init__(self, methods: Sequence[Method]) -> None:
        self._methods = tuple(methods)
        self.features = next((method.features for method in self._methods if method.features), None)

    def fit(self, sums: Sums, sample: Sample) -> Fit:
        """See Method."""
        return max((method.fit(sums, sample) for method in self._methods), key=lambda fit: fit.accuracy)


def automatic(dimensions: int, *, features: int = FEATURES, seed: int = 0) -> Automatic:
    """Shrinkage LDA or ridge regression on so many random features, whichever is better."""
    random = RandomFeatures(seed=seed, count=features, dimensions=dimensions)
    return Automatic([ShrinkageLda(), RandomFeatureRidge(random)])
