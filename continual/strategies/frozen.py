"""The encoder stays as it is, and a head in closed form learns from running sums: nothing can be forgotten."""

from collections.abc import Sequence

from ...inference.features import RandomFeatures
from ..heads.lda import ShrinkageLda
from ..heads.method import Fit, Method
from ..heads.random_ridge import RandomFeatureRidge
from ..heads.sample import Sample
from ..heads.sums import Sums, checked
from ..training.tower import Tower
from .strategy import Report, Scores, Strategy, Task


class Frozen(Strategy):
    """A closed form on the embeddings of a tower, as they are when texts come.

    Args:
        tower: Embeds; it is not trained here.
        method: The closed form.
    """

    def __init__(self, tower: Tower, method: Method) -> None:
        super().__init__()
        self._tower = tower
        self._method = method
        dimensions = tower.base.encoder.dimensions
        self._sums = Sums(dimensions, method.features)
        self._sample = Sample(dimensions)
        self._fit: Fit | None = None

    def learn(self, task: Task, report: Report) -> None:
        """Add the texts to the sums, and solve."""
        ids = self.ids(task.labels)
        rows = checked(self._tower.embed(task.texts), task.labels, self._sums.dimensions)
        self._sums.grow(len(self.labels))
        self._sums.add(rows, ids)
        self._sums.fold()
        self._sample.add(rows, ids)
        self._fit = self._method.fit(self._sums, self._sample)
        report(1, 1)

    def scores(self, texts: Sequence[str]) -> Scores:
        """Of the closed form."""
        if self._fit is None:
            raise ValueError("nothing was learned yet")
        rows = self._tower.embed(texts)
        wide = self._fit.features(rows) if self._fit.features else rows
        scores: Scores = (wide @ self._fit.weights.T + self._fit.bias).astype("float32")
        return scores


def frozen_lda(tower: Tower) -> Frozen:
    """Shrinkage LDA, streaming (Hayes and Kanan, CVPR workshops 2020)."""
    return Frozen(tower, ShrinkageLda())


def frozen_ridge(tower: Tower, features: int, seed: int) -> Frozen:
    """Ridge regression on random features (RanPAC: McDonnell et al., NeurIPS 2023)."""
    dimensions = tower.base.encoder.dimensions
    return Frozen(tower, RandomFeatureRidge(RandomFeatures(seed=seed, count=features, dimensions=dimensions)))
