"""The fast learner: a head in closed form from running sums.

Linear discriminant analysis with one covariance for all labels, regularised by a prior (the posterior mode under an
inverse Wishart, Murphy 2012, 4.2.6): with few texts it is the nearest class mean, with many it is shrinkage LDA, and
nothing has to switch from one to the other. Sums commute, so the order of texts does not matter, two learners can be
merged, and a user's share can be taken out exactly. Nothing learned is lost when labels are added.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..inference.artefacts import need, need_value, pack, read_file, unpack, write_file
from ..inference.embedder import Embeddings
from ..inference.heads import Head
from ..schemas.errors import ArtefactError

_KIND = "fast head"
_NEVER = -1e4  # the logit of a label without a text: its likelihood underflows to 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed before any text is seen; the defaults were measured on chit-chat and on 150 intents.

    Attributes:
        texts: Weight of the prior covariance (round, unit variance in all), in texts.
        background_odds: How much likelier "none of the labels" is than a label, for a text like any other.
        temperature: Logits are divided by it: the dimensions of an embedding are less independent than LDA takes them.
    """

    texts: float = 2000.0
    background_odds: float = 1e4
    temperature: float = 2.0


class FastHead:
    """Running sums of labelled embeddings, and the head that follows from them.

    Args:
        task: What the head tells.
        encoder: Name of the encoder whose embeddings it reads.
        dimensions: Length d of an embedding.
        labels: Labels that have ids already, in the order of these.
        prior: What is believed before any text is seen.

    Attributes:
        counts: Texts of each of the k labels, shape (k,), float64.
        sums: Their embeddings, summed, shape (k, d), float64.
        moments: Sum of `x x^T` over all texts x, shape (d, d), float64.
    """

    def __init__(
        self, *, task: str, encoder: str, dimensions: int, labels: Sequence[str] = (), prior: Prior | None = None
    ) -> None:
        self.task = task
        self.encoder = encoder
        self.prior = prior or Prior()
        self._ids = {label: index for index, label in enumerate(labels)}
        self.counts = np.zeros(len(self._ids))
        self.sums = np.zeros((len(self._ids), dimensions))
        self.moments = np.zeros((dimensions, dimensions))

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in the order of their ids: that of first appearance. None is ever taken away."""
        return tuple(self._ids)

    @property
    def texts(self) -> int:
        """How many labelled texts are in the sums."""
        return round(float(self.counts.sum()))

    @property
    def dimensions(self) -> int:
        """Length of an embedding."""
        return len(self.moments)

    def update(self, embeddings: Embeddings, labels: Sequence[str]) -> None:
        """Add labelled texts.

        Args:
            embeddings: Shape (n, d), unit length.
            labels: n of them; new ones get the next ids.

        Raises:
            ArtefactError: The embeddings are not n of d dimensions, or not finite.
        """
        rows = np.asarray(embeddings, dtype=np.float64)
        if rows.shape != (len(labels), self.dimensions) or not np.isfinite(rows).all():
            expected = (len(labels), self.dimensions)
            raise ArtefactError(f"expected finite embeddings of shape {expected}, found shape {rows.shape}")
        ids = self._take_ids(labels)
        np.add.at(self.counts, ids, 1.0)
        np.add.at(self.sums, ids, rows)
        self.moments += rows.T @ rows

    def merge(self, other: "FastHead") -> None:
        """Add everything that another learner saw.

        Raises:
            ArtefactError: It is for another task or encoder.
        """
        self._add(other, 1.0)

    def subtract(self, share: "FastHead") -> None:
        """Forget what a share of the texts taught, e.g. one user's; its labels keep their ids.

        Raises:
            ArtefactError: It is for another task or encoder, or holds texts that were never added.
        """
        for label, count in zip(share.labels, share.counts, strict=True):
            if count > (self.counts[self._ids[label]] if label in self._ids else 0):
                raise ArtefactError(f"cannot forget {count:.0f} texts of {label!r}: fewer were learned")
        self._add(share, -1.0)

    def solve(self, version: int) -> Head:
        """The head that follows from the sums, in one solve of size d.

        Args:
            version: Of the head.
        """
        seen = self.counts > 0
        texts = float(self.counts.sum())
        means = self.sums / np.maximum(self.counts, 1.0)[:, None]
        centre = self.sums.sum(axis=0) / max(texts, 1.0)
        # Each row against the centre of all texts, so that what is common to them speaks for no label.
        directions = np.linalg.solve(self._covariance(means), (means - centre).T).T
        temperature = self.prior.temperature
        offsets = -0.5 * (directions * (means + centre)).sum(axis=1)
        bias = offsets / temperature - np.log(self.prior.background_odds)
        return Head(
            task=self.task,
            version=version,
            encoder=self.encoder,
            labels=self.labels,
            weights=np.where(seen[:, None], directions / temperature, 0.0).astype(np.float32),
            bias=np.where(seen, bias, _NEVER).astype(np.float32),
        )

    def save(self, path: Path) -> None:
        """Write the sums; whatever happens meanwhile, the file is whole, old or new.

        Raises:
            ArtefactError: It cannot be written.
        """
        tensors = {"counts": self.counts, "sums": self.sums, "moments": self.moments}
        metadata = {"task": self.task, "encoder": self.encoder, "labels": self.labels}
        write_file(path, pack(_KIND, tensors, metadata))

    @classmethod
    def load(cls, path: Path, *, prior: Prior | None = None) -> "FastHead":
        """Read what `save` wrote.

        Raises:
            ArtefactError: It is missing, truncated or inconsistent.
        """
        tensors, metadata = unpack(_KIND, read_file(path))
        labels = need_value(_KIND, metadata, "labels", list)
        sums = need(_KIND, tensors, "sums", (len(labels), -1))
        dimensions = sums.shape[1]
        head = cls(
            task=need_value(_KIND, metadata, "task", str),
            encoder=need_value(_KIND, metadata, "encoder", str),
            dimensions=dimensions,
            labels=labels,
            prior=prior,
        )
        head.counts = np.array(need(_KIND, tensors, "counts", (len(labels),)), dtype=np.float64)
        head.sums = np.array(sums, dtype=np.float64)
        head.moments = np.array(need(_KIND, tensors, "moments", (dimensions, dimensions)), dtype=np.float64)
        return head

    def _take_ids(self, labels: Sequence[str]) -> NDArray[np.intp]:
        ids = np.array([self._ids.setdefault(label, len(self._ids)) for label in labels], dtype=np.intp)
        new = len(self._ids) - len(self.counts)
        self.counts = np.pad(self.counts, (0, new))
        self.sums = np.pad(self.sums, ((0, new), (0, 0)))
        return ids

    def _add(self, other: "FastHead", sign: float) -> None:
        mine = (self.task, self.encoder, self.dimensions)
        theirs = (other.task, other.encoder, other.dimensions)
        if mine != theirs:
            raise ArtefactError(f"sums of {theirs} do not fit those of {mine}")
        ids = self._take_ids(other.labels)
        self.counts[ids] += sign * other.counts
        self.sums[ids] += sign * other.sums
        self.moments += sign * other.moments

    def _covariance(self, means: NDArray[np.float64]) -> NDArray[np.float64]:
        within = self.moments - (means * self.counts[:, None]).T @ means
        weight = self.prior.texts
        prior = weight / self.dimensions * np.eye(self.dimensions)
        return np.asarray((within + prior) / (self.counts.sum() + weight))
