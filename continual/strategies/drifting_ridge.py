"""A closed-form head on an encoder that changes: its sums follow the embeddings, without the texts.

When the encoder is tuned, the sums over texts that are gone are in the old space. What is known of the change are the
embeddings of some texts before and after. A ridge map fitted on them tells, from a label's mean embedding before, how
its mean features have moved (semantic drift compensation: Yu et al., CVPR 2020, with a regression in place of a
kernel); second moments stay. The nearer the encoder is held to the champion, the less there is to tell.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ...inference.embedder import Embeddings
from ...inference.features import RandomFeatures
from ..heads.random_ridge import choose_penalty
from .strategy import Scores

_DRIFT_PENALTY = 1.0
_CHOSEN_ON = 1024


@dataclass(slots=True, eq=False)
class _Sums:
    """Of n texts with k labels: `features^T features` (w, w), features (k, w), embeddings (k, d)."""

    products: Tensor
    features: Tensor
    embeddings: Tensor


class DriftingRidge:
    """Random-feature ridge regression whose sums follow the encoder.

    Args:
        features: What the regression is on, beside the embedding itself.
    """

    def __init__(self, features: RandomFeatures) -> None:
        self._features = features
        width, dimensions = features.width, features.dimensions
        self._sums = _Sums(torch.zeros(width, width), torch.zeros(0, width), torch.zeros(0, dimensions))
        self._weights = torch.zeros(width, 0)

    def follow(self, before: Embeddings, after: Embeddings) -> None:
        """Move the sums as the embeddings of some texts moved, shape (texts, d) before and after."""
        old, new = torch.from_numpy(before), torch.from_numpy(after)
        system = old.T @ old + _DRIFT_PENALTY * torch.eye(old.shape[1])
        moved = torch.cat([self._wide(after) - self._wide(before), new - old], dim=1)
        change = self._sums.embeddings @ torch.linalg.solve(system, old.T @ moved)
        width = self._features.width
        self._sums.features += change[:, :width]
        self._sums.embeddings += change[:, width:]

    def add(self, embeddings: Embeddings, ids: np.ndarray, labels: int) -> None:
        """Add texts, and solve; the penalty has the smallest leave-one-out error on these texts.

        Args:
            embeddings: Shape (texts, d).
            ids: Of their labels.
            labels: How many there are by now.
        """
        rows = self._wide(embeddings)
        targets = torch.eye(labels)[torch.from_numpy(ids)]
        sums, new = self._sums, labels - len(self._sums.features)
        sums.products.addmm_(rows.T, rows)
        sums.features = torch.nn.functional.pad(sums.features, (0, 0, 0, new)) + targets.T @ rows
        sums.embeddings = torch.nn.functional.pad(sums.embeddings, (0, 0, 0, new)) + targets.T @ torch.from_numpy(
            embeddings
        )
        local, known = np.unique(ids[:_CHOSEN_ON], return_inverse=True)
        penalty = choose_penalty(rows[:_CHOSEN_ON].numpy(), known, len(local))
        lower = torch.linalg.cholesky(sums.products + penalty * torch.eye(len(sums.products)))
        self._weights = torch.cholesky_solve(sums.features.T, lower)

    def scores(self, embeddings: Embeddings) -> Scores:
        """Shape (texts, labels): near 1 for the right label and 0 for others."""
        scores: Scores = (self._wide(embeddings) @ self._weights).numpy()
        return scores

    def _wide(self, embeddings: Embeddings) -> Tensor:
        return torch.from_numpy(self._features(embeddings))
