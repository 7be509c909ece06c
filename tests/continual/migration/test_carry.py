"""Codebook and heads in the next encoder's space."""

import numpy as np
from numpy.testing import assert_allclose, assert_array_equal

from profilestream.continual.migration.carry import carry_head, move_codebook
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.inference.spaces import SpaceMap
from tests.stream.profile.made_up import unit_rows
from tests.stream.world import small_models

RNG = np.random.default_rng(0)
TURN = np.linalg.qr(RNG.normal(size=(64, 64)))[0]


def way(source: str, target: str, matrix: np.ndarray) -> SpaceMap:
    """A map with this matrix."""
    return SpaceMap(source=source, target=target, matrix=matrix.astype(np.float32), penalty=1.0, anchors=99)


def test_a_moved_codebook_gives_mapped_texts_their_old_codes() -> None:
    """Profiles keep the numbers of their interests."""
    codebook = small_models(HashEmbedder()).codebook
    moved = move_codebook(codebook, way("hash-v1", "hash-v2", 0.5 * TURN))
    rows = unit_rows(RNG, 200, 64).astype(np.float32)
    assert_array_equal(moved.assign((rows @ TURN).astype(np.float32))[0], codebook.assign(rows)[0])
    assert moved.encoder == "hash-v2"
    assert_allclose(np.linalg.norm(moved.codes, axis=1), 1.0, rtol=1e-6)
    assert_array_equal(moved.projection, codebook.projection)


def test_a_carried_head_says_what_it_said() -> None:
    """A task without feedback keeps its head, read through the map back."""
    head = Head(
        task="sentiment",
        version=7,
        encoder="hash-v1",
        labels=("polarity",),
        weights=unit_rows(RNG, 1, 64).astype(np.float32),
        bias=np.array([0.1], np.float32),
    )
    carried = carry_head(head, way("hash-v2", "hash-v1", TURN.T))
    rows = unit_rows(RNG, 50, 64)
    assert_allclose(
        carried.polarity((rows @ TURN).astype(np.float32)), head.polarity(rows.astype(np.float32)), atol=1e-5
    )
    assert (carried.encoder, carried.version, carried.labels) == ("hash-v2", 1, ("polarity",))
