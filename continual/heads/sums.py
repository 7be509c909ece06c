"""Running sums of labelled texts: everything that a closed-form head needs, and nothing of any single text.

Rows lie on a grid (see `inference.features`), so their products are sums of multiples of 2^-26 and float64 holds them
exactly: up to some million texts the sums are the same to the last bit in whatever order and pieces texts came, merging
two is as if one had seen both, and what is taken out again leaves no trace.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...inference.embedder import Embeddings
from ...inference.features import RandomFeatures, on_grid
from ...schemas.errors import ArtefactError

FOLD = 1024
"""So many texts wait as rows before they are added to the second moments: one large product is faster than many."""

Array = NDArray[np.float64]
Ids = NDArray[np.intp]


class Moments(NamedTuple):
    """Of n texts with k labels, w numbers each: counts (k,), sums (k, w) and `sum of x x^T` (w, w)."""

    counts: Array
    sums: Array
    products: Array

    @property
    def texts(self) -> float:
        """How many, n."""
        return float(self.counts.sum())


class Sums:
    """Counts, sums and second moments of labelled texts; the newest ones wait as rows until they are folded in.

    Args:
        dimensions: Length d of an embedding.
        features: What a text is besides its embedding, which makes w numbers of it; None: nothing, w = d.

    Attributes:
        counts: Texts of each label, shape (k,).
        products: Of the texts that were folded in, shape (w, w); None before the first fold: that many megabytes are
            not taken for a handful of texts.
        folds: Grows whenever `products` changes.
        waiting: Embeddings on the grid that are not in `products` yet, shape (m, d); their labels' ids, shape (m,).
    """

    def __init__(self, dimensions: int, features: RandomFeatures | None = None) -> None:
        self.dimensions = dimensions
        self.features = features
        self.counts: Array = np.zeros(0)
        self.products: Array | None = None
        self.folds = 0
        self.waiting: Embeddings = np.zeros((0, dimensions), np.float32)
        self.waiting_ids: Ids = np.zeros(0, np.intp)
        self._sums: Array = np.zeros((0, self.width))

    @property
    def width(self) -> int:
        """Numbers w that a text is."""
        return self.features.width if self.features else self.dimensions

    @property
    def texts(self) -> int:
        """How many texts are in the sums."""
        return round(float(self.counts.sum()))

    @property
    def folded_sums(self) -> Array:
        """Sums of each label's texts that were folded in, shape (k, w)."""
        return self._sums

    def grow(self, labels: int) -> None:
        """Make room for so many labels."""
        new = max(0, labels - len(self.counts))
        self.counts = np.pad(self.counts, (0, new))
        self._sums = np.pad(self._sums, ((0, new), (0, 0)))

    def add(self, rows: Embeddings, ids: Ids) -> None:
        """Add texts: embeddings on the grid, shape (n, d), and the ids of their labels."""
        np.add.at(self.counts, ids, 1.0)
        self.waiting = np.concatenate([self.waiting, rows])
        self.waiting_ids = np.concatenate([self.waiting_ids, ids])
        if len(self.waiting) > 2 * FOLD:
            self.fold()

    def remove(self, rows: Embeddings, ids: Ids) -> None:
        """Take texts out again, to the last bit.

        Raises:
            ArtefactError: There are fewer of a label; nothing was changed.
        """
        share = np.bincount(ids, minlength=len(self.counts))
        if len(share) > len(self.counts) or (share > self.counts).any():
            raise ArtefactError("cannot forget texts that were never learned")
        folded = self._remove_waiting(rows, ids)
        if folded.any() and self.products is None:
            raise ArtefactError("cannot forget texts that were never learned")
        self.counts = self.counts - share
        if folded.any():
            self._fold(rows[folded], ids[folded], -1.0)

    def merge(self, other: "Sums", ids: Ids) -> None:
        """Add everything that another one holds.

        Args:
            other: Of the same features.
            ids: For each of its labels, its id here.
        """
        if other.products is not None:
            self.products = other.products.copy() if self.products is None else self.products + other.products
            np.add.at(self._sums, ids, other.folded_sums)
            np.add.at(self.counts, ids, other.counts - np.bincount(other.waiting_ids, minlength=len(other.counts)))
            self.folds += 1
        self.add(other.waiting, ids[other.waiting_ids])

    def fold(self) -> None:
        """Add the texts that wait to the second moments."""
        self._fold(self.waiting, self.waiting_ids, 1.0)
        self.waiting, self.waiting_ids = self.waiting[:0], self.waiting_ids[:0]

    def restore(self, *, counts: Array, sums: Array, products: Array | None) -> None:
        """Go on from saved counts, folded sums and products."""
        self.counts, self._sums, self.products = counts.astype(np.float64), sums.astype(np.float64), products
        self.folds = int(products is not None)

    def wide(self, rows: Embeddings) -> NDArray[np.float32]:
        """The w numbers of each text, shape (n, w), of embeddings on the grid."""
        return self.features(rows) if self.features else rows

    def of_embeddings(self) -> Moments:
        """The moments of the embeddings alone, of all texts."""
        d = self.dimensions
        sums = self._sums[:, :d].copy()
        rows = self.waiting.astype(np.float64)
        np.add.at(sums, self.waiting_ids, rows)
        products = rows.T @ rows
        return Moments(self.counts, sums, products if self.products is None else products + self.products[:d, :d])

    def complete(self) -> Moments:
        """The moments of all texts, as if all were folded in."""
        rows = self.wide(self.waiting).astype(np.float64)
        sums = self._sums.copy()
        np.add.at(sums, self.waiting_ids, rows)
        products = rows.T @ rows
        return Moments(self.counts, sums, products if self.products is None else products + self.products)

    def _fold(self, embeddings: Embeddings, ids: Ids, sign: float) -> None:
        rows = self.wide(embeddings).astype(np.float64)
        if self.products is None:
            self.products = np.zeros((self.width, self.width))
        self.products += sign * (rows.T @ rows)
        np.add.at(self._sums, ids, sign * rows)
        self.folds += 1

    def _remove_waiting(self, rows: Embeddings, ids: Ids) -> NDArray[np.bool_]:
        """Take out those texts that still wait; returns which of them do not."""
        left = np.ones(len(ids), dtype=bool)
        kept = np.ones(len(self.waiting), dtype=bool)
        for at, (row, label) in enumerate(zip(rows, ids, strict=True)):
            same = np.flatnonzero(kept & (self.waiting_ids == label))
            found = same[(self.waiting[same] == row).all(axis=1)]
            if len(found):
                kept[found[0]] = left[at] = False
        self.waiting, self.waiting_ids = self.waiting[kept], self.waiting_ids[kept]
        return left


def checked(embeddings: Embeddings, labels: Sequence[str], dimensions: int) -> Embeddings:
    """The embeddings on the grid.

    Raises:
        ArtefactError: They are not one for each label, of so many dimensions, finite and of at most unit length.
    """
    rows = np.asarray(embeddings, dtype=np.float32)
    if rows.shape != (len(labels), dimensions) or not np.isfinite(rows).all():
        expected = (len(labels), dimensions)
        raise ArtefactError(f"expected finite embeddings of shape {expected}, found shape {rows.shape}")
    if len(rows) and float(np.einsum("ij,ij->i", rows, rows).max()) > 1.01:
        raise ArtefactError("expected embeddings of unit length")
    return on_grid(rows)
