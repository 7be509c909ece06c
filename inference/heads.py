"""Heads: small linear maps from an embedding to labels or to a polarity, applied in the worker.

A head is versioned together with the encoder whose embeddings it reads, so that it can change within seconds while
cached embeddings stay valid.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .artefacts import need, need_value, pack, unpack
from .embedder import Embeddings

_KIND = "head"


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
        weights: Shape (k, d), float32.
        bias: Shape (k,), float32.
    """

    task: str
    version: int
    encoder: str
    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

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

    def polarity(self, embeddings: Embeddings) -> NDArray[np.float32]:
        """How positive each text is, for a head with one row (the label `polarity`).

        Returns:
            Shape (n,), float32, from -1 (negative) to 1 (positive).
        """
        return np.clip(self._logits(embeddings)[:, 0], -1.0, 1.0)

    def to_bytes(self) -> bytes:
        """Safetensors with the metadata; the same head gives the same bytes."""
        metadata = {
            "task": self.task,
            "version": self.version,
            "encoder": self.encoder,
            "labels": self.labels,
        }
        return pack(_KIND, {"weights": self.weights, "bias": self.bias}, metadata)

    @classmethod
    def from_bytes(cls, data: bytes, *, sha256: str | None = None) -> "Head":
        """Read what `to_bytes` wrote, compared with `sha256` (hexadecimal) where it is known.

        Raises:
            ArtefactError: Truncated, altered, inconsistent, or with numbers that are not finite.
        """
        tensors, metadata = unpack(_KIND, data, sha256=sha256)
        labels = tuple(need_value(_KIND, metadata, "labels", list))
        weights = need(_KIND, tensors, "weights", (len(labels), -1))
        return cls(
            task=need_value(_KIND, metadata, "task", str),
            version=need_value(_KIND, metadata, "version", int),
            encoder=need_value(_KIND, metadata, "encoder", str),
            labels=labels,
            weights=weights,
            bias=need(_KIND, tensors, "bias", (len(labels),)),
        )

    def _logits(self, embeddings: Embeddings) -> NDArray[np.float32]:
        return np.asarray(embeddings @ self.weights.T + self.bias, dtype=np.float32)
