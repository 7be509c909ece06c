"""Labelled texts of which the truth is known."""

import numpy as np

from profilestream.continual.heads.automatic import Automatic
from profilestream.continual.heads.lda import ShrinkageLda
from profilestream.continual.heads.means import ClassMeans
from profilestream.continual.heads.method import Method
from profilestream.continual.heads.random_ridge import RandomFeatureRidge
from profilestream.inference.embedder import Embeddings
from profilestream.inference.features import RandomFeatures

D = 16
LABELS = ("music", "pizza", "travel", "work")
DIRECTIONS = np.linalg.qr(np.random.default_rng(1).normal(size=(D, D)))[0].astype(np.float32)
FEATURES = RandomFeatures(seed=0, count=96, dimensions=D)


def methods() -> dict[str, Method]:
    """Every closed form, small."""
    ridge = RandomFeatureRidge(FEATURES)
    return {
        "means": ClassMeans(),
        "lda": ShrinkageLda(),
        "ridge": ridge,
        "automatic": Automatic([ShrinkageLda(), RandomFeatureRidge(FEATURES)]),
    }


def texts(seed: int, count: int, spread: float = 0.15) -> tuple[Embeddings, list[str]]:
    """Unit vectors around four directions, with their labels."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(4, size=count)
    rows = DIRECTIONS[ids] + spread * rng.normal(size=(count, D))
    return unit(rows), [LABELS[i] for i in ids]


def crossed(seed: int, count: int) -> tuple[Embeddings, list[str]]:
    """Two labels that no straight border tells apart: `same` where two coordinates have the same sign."""
    rng = np.random.default_rng(seed)
    signs = rng.choice([-1.0, 1.0], size=(count, 2))
    rows = signs[:, :1] * DIRECTIONS[0] + signs[:, 1:] * DIRECTIONS[1] + 0.1 * rng.normal(size=(count, D))
    return unit(rows), ["same" if same else "other" for same in signs[:, 0] == signs[:, 1]]


def unit(rows: np.ndarray) -> Embeddings:
    """Rows of unit length."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
