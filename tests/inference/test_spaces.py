"""Maps between encoders' spaces: kept with their checksum, chained without going in circles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from profilestream.inference.artefacts import sha256_hex
from profilestream.inference.spaces import SpaceMap, ways_to
from profilestream.schemas.errors import ArtefactError


def a_map(source: str, target: str, size: int = 4, seed: int = 0) -> SpaceMap:
    """A random one."""
    matrix = np.random.default_rng(seed).normal(size=(size, size)).astype(np.float32)
    return SpaceMap(
        source=source, target=target, matrix=matrix, penalty=0.5, anchors=100, figures={"cosine": 0.99, "kept": 0.98}
    )


def test_a_map_comes_back_as_it_was() -> None:
    """Matrix, versions and what was measured; the same map gives the same bytes."""
    data = a_map("v1", "v2").to_bytes()
    back = SpaceMap.from_bytes(data, sha256=sha256_hex(data))
    assert (back.source, back.target, back.penalty, back.anchors) == ("v1", "v2", 0.5, 100)
    assert back.figures == {"cosine": 0.99, "kept": 0.98}
    assert back.to_bytes() == data


def test_a_damaged_map_is_refused() -> None:
    """Cut off, altered or not square: profiles are never multiplied by it."""
    data = a_map("v1", "v2").to_bytes()
    with pytest.raises(ArtefactError):
        SpaceMap.from_bytes(data[:-1])
    with pytest.raises(ArtefactError, match="checksum"):
        SpaceMap.from_bytes(data[:-1] + bytes([data[-1] ^ 1]), sha256=sha256_hex(data))
    wide = SpaceMap(source="a", target="b", matrix=np.zeros((2, 3), np.float32), penalty=1.0, anchors=1)
    with pytest.raises(ArtefactError, match="matrix"):
        SpaceMap.from_bytes(wide.to_bytes())


def test_a_chain_is_the_product_and_the_short_way_wins() -> None:
    """Maps back and forth (for rollback) make circles; every encoder still has one way."""
    maps = [a_map("v1", "v2", seed=1), a_map("v2", "v3", seed=2), a_map("v2", "v1", seed=3), a_map("v3", "v2", seed=4)]
    ways = ways_to("v3", maps)
    assert_allclose(ways["v1"], maps[0].matrix.astype(float) @ maps[1].matrix.astype(float))
    assert set(ways) == {"v1", "v2"}
    direct = a_map("v1", "v3", seed=5)
    assert_allclose(ways_to("v3", [*maps, direct])["v1"], direct.matrix)
    assert ways_to("v4", maps) == {}


def test_maps_of_different_sizes_make_no_chain() -> None:
    """Said by name, where it could not be multiplied."""
    with pytest.raises(ArtefactError, match="v1 to v2 is of size 4"):
        ways_to("v3", [a_map("v1", "v2"), a_map("v2", "v3", size=5)])
