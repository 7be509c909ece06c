"""Heads: small linear maps from an embedding to labels or to a polarity, applied in the worker.

A head is versioned together with the encoder whose embeddings it reads, so that it can change within seconds while
cached embeddings stay valid.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..schemas.errors import ArtefactError
from .artefacts import need, need_value, pack, unpack
from .embedder import Embeddings
from .features import RandomFeatures

NONE_OF_THEM = -1
_KIND = "head"
_MOST_SIGNS = 2**24  # 64 MB of random directions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Head:
    """A linear map on the embedding for one task.

    A row's logit is the log-odds of its label against "none of them", so that small talk ("yeah", "how are you?") adds
    next to nothing to a profile: most of what people say is about no label at all.

    Attributes:
        task: What it tells: `interest`, `sentiment`, `intent`, ...
        version: Grows with each publication for this task.
        encoder: Name of the encoder whose embeddings it reads.
        labels: What the rows stand for, in the order of their ids; ids never change, new labels are appended.
        weights: Shape (k, d), float32; with features, (k, features.width).
        bias: Shape (k,), float32.
        features: What the weights apply to, where that is not the embedding itself; they are rebuilt from their seed.
    """

    task: str
    version: int
    encoder: str
    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    features: RandomFeatures | None = None

    def scores(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """How likely each text is about each label: a softmax over the labels and "none of them" (logit 0).

        Args:
            embeddings: Shape (n, d), unit length.

        Returns:
            Shape (n, k), float32, each row's sum below 1; the rest is "none of them". Made to be summed over events.
        """
        logits = self._logits(embeddings)
        highest = logits.max(axis=1, keepdims=True, initial=0.0)
        likelihoods = np.exp(logits - highest)
        return np.asarray(likelihoods / (likelihoods.sum(axis=1, keepdims=True) + np.exp(-highest)), dtype=np.float32)

    def predict(self, embeddings: Embeddings) -> NDArray[np.int64]:
        """The likeliest label of each text, shape (n,); `NONE_OF_THEM` where all labels together are less likely."""
        scores = self.scores(embeddings)
        if not self.labels:
            return np.full(len(scores), NONE_OF_THEM)
        return np.where(scores.sum(axis=1) < 0.5, NONE_OF_THEM, scores.argmax(axis=1))

    def polarity(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """How positive each text is, for a head with one row (the label `polarity`).

        Returns:
            Shape (n,), float32, from -1 (negative) to 1 (positive).
        """
        return np.clip(self._logits(embeddings)[:, 0], -1.0, 1.0)

    def to_bytes(self) -> bytes:
        """Safetensors with the metadata; the same head gives the same bytes."""
        metadata: dict[str, Any] = {
            "task": self.task,
            "version": self.version,
            "encoder": self.encoder,
            "labels": self.labels,
        }
        if self.features:
            metadata["features"] = [self.features.seed, self.features.count, self.features.dimensions]
        return pack(_KIND, {"weights": self.weights, "bias": self.bias}, metadata)

    @classmethod
    def from_bytes(cls, data: bytes, *, sha256: str | None = None) -> "Head":
        """Read what `to_bytes` wrote, compared with `sha256` (hexadecimal) where it is known.

        Raises:
            ArtefactError: Truncated, altered, inconsistent, or with numbers that are not finite.
        """
        tensors, metadata = unpack(_KIND, data, sha256=sha256)
        labels = tuple(need_value(_KIND, metadata, "labels", list))
        features = _features(metadata)
        weights = need(_KIND, tensors, "weights", (len(labels), features.width if features else -1))
        return cls(
            task=need_value(_KIND, metadata, "task", str),
            version=need_value(_KIND, metadata, "version", int),
            encoder=need_value(_KIND, metadata, "encoder", str),
            labels=labels,
            weights=weights,
            bias=need(_KIND, tensors, "bias", (len(labels),)),
            features=features,
        )

    def _logits(self, embeddings: Embeddings) -> NDArray[np.float32]:
        rows = self.features(embeddings) if self.features else embeddings
        return np.asarray(rows @ self.weights.T + self.bias, dtype=np.float32)


def _features(metadata: dict[str, Any]) -> RandomFeatures | None:
    if "features" not in metadata:
        return None
    numbers = need_value(_KIND, metadata, "features", list)
    if len(numbers) != 3 or not all(isinstance(number, int) and 0 <= number < 2**31 for number in numbers):
        raise ArtefactError(f"{_KIND}: 'features' should be seed, count and dimensions, found {numbers!r}")
    seed, count, dimensions = numbers
    if count * dimensions > _MOST_SIGNS:
        raise ArtefactError(f"{_KIND}: {count} features of {dimensions} dimensions are more than a worker should hold")
    return RandomFeatures(seed=seed, count=count, dimensions=dimensions)
