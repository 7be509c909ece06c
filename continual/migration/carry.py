"""Codebook and heads of one encoder, moved into the space of the next."""

from dataclasses import replace

import numpy as np

from ...inference.codebook import Codebook
from ...inference.heads import Head
from ...inference.spaces import SpaceMap
from .recovery import unit


def move_codebook(codebook: Codebook, forth: SpaceMap) -> Codebook:
    """The same codes where the map puts them; profiles keep their numbers.

    The projection stays, so that what is stored changes by as little as the encoder did.

    Args:
        codebook: Of the map's source.
        forth: From whole embeddings to whole embeddings, shape (d, d).
    """
    codes = unit(codebook.codes @ forth.matrix).astype(np.float32)
    return replace(codebook, encoder=forth.target, codes=codes)


def carry_head(head: Head, back: SpaceMap, version: int = 1) -> Head:
    """A head that reads the next encoder's embeddings as if they were mapped back: for tasks without feedback.

    Args:
        head: Of the map's target.
        back: From the next encoder to the head's own, on whole embeddings, shape (d, d).
        version: Of the new head.
    """
    weights = (head.weights @ back.matrix.T).astype(np.float32)  # w . (e B) = (B w) . e
    return replace(head, encoder=back.source, version=version, weights=weights)
