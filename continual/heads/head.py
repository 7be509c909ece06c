"""The fast learner of one task: sums of labelled texts, and the head that follows from them."""

from collections.abc import Sequence

import numpy as np

from ...inference.artefacts import Tensors, need, need_value, pack, unpack
from ...inference.embedder import Embeddings
from ...inference.heads import Head
from ...schemas.errors import ArtefactError
from .automatic import automatic
from .calibration import Calibration, Caution, calibrate
from .method import Fit, Method
from .sample import Sample
from .sums import FOLD, Ids, Sums, checked

_KIND = "fast head"
_NEVER = -1e4  # the logit of a label without a text: its likelihood underflows to 0


class FastHead:
    """Learns labels of one task from embeddings, in closed form.

    Texts may come in any order and in pieces, two learners can be merged, and texts can be taken out again: the sums
    are the same to the last bit. Nothing learned is lost when labels are added. Memory does not grow with the texts: at
    4,096 features on 384 dimensions sums take 160 MB and their factor 80, and next to nothing before the first
    thousand texts.

    Args:
        task: What the head tells.
        encoder: Name of the encoder whose embeddings it reads.
        dimensions: Length d of an embedding.
        labels: Labels that have ids already, in the order of these.
        method: The closed form; without it, whichever is best for the texts at hand.
        caution: How much has to speak for a label before it is told.
    """

    def __init__(
        self,
        *,
        task: str,
        encoder: str,
        dimensions: int,
        labels: Sequence[str] = (),
        method: Method | None = None,
        caution: Caution | None = None,
    ) -> None:
        self.task = task
        self.encoder = encoder
        self.method = method or automatic(dimensions)
        self.sums = Sums(dimensions, self.method.features)
        self.sample = Sample(dimensions)
        self.fitted: str | None = None
        """Which closed form the last head came from."""
        self._caution = caution or Caution()
        self._ids: dict[str, int] = {}
        self._take_ids(labels)

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels in the order of their ids: that of first appearance. None is ever taken away."""
        return tuple(self._ids)

    @property
    def texts(self) -> int:
        """How many labelled texts are in the sums."""
        return self.sums.texts

    def update(self, embeddings: Embeddings, labels: Sequence[str]) -> None:
        """Add labelled texts.

        Args:
            embeddings: Shape (n, d), unit length.
            labels: n of them; new ones get the next ids.

        Raises:
            ArtefactError: The embeddings are not n of d dimensions, or not finite; nothing was changed.
        """
        rows = checked(embeddings, labels, self.sums.dimensions)
        ids = self._take_ids(labels)
        self.sums.add(rows, ids)
        self.sample.add(rows, ids)

    def subtract(self, embeddings: Embeddings, labels: Sequence[str]) -> None:
        """Forget texts, e.g. one user's, given as they were learned; their labels keep their ids.

        Raises:
            ArtefactError: The embeddings do not fit, or more texts of a label than were learned; nothing was changed.
        """
        rows = checked(embeddings, labels, self.sums.dimensions)
        strangers = sorted(set(labels) - self._ids.keys())
        if strangers:
            raise ArtefactError(f"cannot forget texts of {strangers[0]!r}: none were learned")
        ids = self._take_ids(labels)
        self.sums.remove(rows, ids)
        self.sample.remove(rows, ids)

    def merge(self, other: "FastHead") -> None:
        """Add everything that another learner saw.

        Raises:
            ArtefactError: It is for another task, encoder or method.
        """
        mine, theirs = self.kind(), other.kind()
        if mine != theirs:
            raise ArtefactError(f"sums of {theirs} do not fit those of {mine}")
        ids = self._take_ids(other.labels)
        self.sums.merge(other.sums, ids)
        self.sample.add(other.sample.rows, ids[other.sample.ids])

    def consolidate(self) -> bool:
        """Fold waiting texts in where they are many; then the next `solve` takes seconds, and those after it do not."""
        if len(self.sums.waiting) <= FOLD:
            return False
        self.sums.fold()
        return True

    def solve(self, version: int) -> Head:
        """The head that follows from the sums.

        Args:
            version: Of the head.
        """
        fit = self.method.fit(self.sums, self.sample)
        self.fitted = fit.method
        calibration = calibrate(fit.held_out, fit.ids, self._caution) or fit.default
        return self._head(version, fit, calibration)

    def to_bytes(self) -> bytes:
        """The sums; the same texts give the same bytes, unless they wait in another order."""
        tensors: Tensors = {
            "counts": self.sums.counts,
            "sums": self.sums.folded_sums,
            "waiting": self.sums.waiting,
            "waiting_ids": self.sums.waiting_ids,
            "sample": self.sample.rows,
            "sample_ids": self.sample.ids,
        }
        if self.sums.products is not None:
            tensors["products"] = self.sums.products
        return pack(_KIND, tensors, {"labels": self.labels, "of": list(self.kind())})

    @classmethod
    def from_bytes(
        cls, data: bytes, *, task: str, encoder: str, dimensions: int, method: Method | None = None
    ) -> "FastHead":
        """Read what `to_bytes` wrote.

        Raises:
            ArtefactError: It is truncated, inconsistent, or for another task, encoder or method.
        """
        tensors, metadata = unpack(_KIND, data)
        labels = need_value(_KIND, metadata, "labels", list)
        head = cls(task=task, encoder=encoder, dimensions=dimensions, labels=labels, method=method)
        if metadata.get("of") != list(head.kind()):
            raise ArtefactError(f"sums of {metadata.get('of')} do not fit those of {list(head.kind())}")
        head.sums.restore(
            counts=need(_KIND, tensors, "counts", (len(labels),)),
            sums=need(_KIND, tensors, "sums", (len(labels), head.sums.width)),
            products=need(_KIND, tensors, "products", (head.sums.width,) * 2) if "products" in tensors else None,
        )
        head.sums.waiting = need(_KIND, tensors, "waiting", (-1, dimensions))
        head.sums.waiting_ids = need(_KIND, tensors, "waiting_ids", (len(head.sums.waiting),))
        rows = need(_KIND, tensors, "sample", (-1, dimensions))
        head.sample.add(rows, need(_KIND, tensors, "sample_ids", (len(rows),)))
        return head

    def kind(self) -> tuple[str, str, str, int]:
        """Task, encoder, features, dimensions: sums of another kind do not mix with these."""
        features = self.method.features
        return self.task, self.encoder, f"{features}" if features else "embedding", self.sums.dimensions

    def _head(self, version: int, fit: Fit, calibration: Calibration) -> Head:
        seen = self.sums.counts > 0
        bias = calibration.scale * fit.bias - calibration.threshold
        return Head(
            task=self.task,
            version=version,
            encoder=self.encoder,
            labels=self.labels,
            weights=np.where(seen[:, None], calibration.scale * fit.weights, 0.0).astype(np.float32),
            bias=np.where(seen, bias, _NEVER).astype(np.float32),
            features=fit.features,
        )

    def _take_ids(self, labels: Sequence[str]) -> Ids:
        ids = np.array([self._ids.setdefault(label, len(self._ids)) for label in labels], dtype=np.intp)
        self.sums.grow(len(self._ids))
        return ids
