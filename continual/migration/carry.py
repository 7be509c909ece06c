"""Codebook and heads of one encoder, moved into the space of the next."""

from dataclasses import replace

import numpy as np

from ...inference.codebook import Codebook
from ...inference.embedder import Embeddings
from ...inference.heads import Head
from ...inference.spaces import SpaceMap
from .fit import Coded
from .recovery import unit

_DISTIL_PENALTY = 1e-4  # a text


def move_codebook(codebook: Codebook, forth: SpaceMap) -> Codebook:
    """The same codes where the map puts them; profiles keep their numbers.

    The projection stays, so that what is stored changes by as little as the encoder did.

    Args:
        codebook: Of the map's source.
        forth: From whole embeddings to whole embeddings, shape (d, d).
    """
    codes = unit(codebook.codes @ forth.matrix).astype(np.float32)
    return replace(codebook, encoder=forth.target, codes=codes)


def coded_by(codebook: Codebook, embeddings: Embeddings) -> Coded:
    """The codes of anchors, shape (n, d), in the space of the codebook."""
    return Coded(codebook.assign(embeddings)[0], len(codebook.codes))


def carry_head(head: Head, back: SpaceMap, version: int = 1) -> Head:
    """A head that reads the next encoder's embeddings as if they were mapped back: for tasks without feedback.

    Args:
        head: Of the map's target.
        back: From the next encoder to the head's own, on whole embeddings, shape (d, d).
        version: Of the new head.
    """
    weights = (head.weights @ back.matrix.T).astype(np.float32)  # w . (e B) = (B w) . e
    return replace(head, encoder=back.source, version=version, weights=weights)


def distil_head(head: Head, before: Embeddings, after: Embeddings, encoder: str, version: int = 1) -> Head:
    """A linear head that says of anchors what a head with random features said of them before.

    Args:
        head: Of the encoder before; it has `features`.
        before: The anchors as that encoder sees them, shape (n, d).
        after: The same as the next encoder sees them, shape (n, d).
        encoder: The next encoder's name.
        version: Of the new head.
    """
    rows = head.features(before) if head.features else before
    said = np.asarray(rows @ head.weights.T + head.bias, dtype=np.float64)
    inputs = np.column_stack([after.astype(np.float64), np.ones(len(after))])
    pull = _DISTIL_PENALTY * len(after) * np.eye(inputs.shape[1])
    solved = np.linalg.solve(inputs.T @ inputs + pull, inputs.T @ said)
    weights, bias = solved[:-1].T.astype(np.float32), solved[-1].astype(np.float32)
    return replace(head, encoder=encoder, version=version, weights=weights, bias=bias, features=None)
