"""Maps between encoders' spaces: kept with their checksum, chained without going in circles."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from profilestream.inference.artefacts import sha256_hex
from profilestream.inference.spaces import SpaceMap, way_of, ways_to
from profilestream.schemas.errors import ArtefactError


def a_map(source: str, target: str, size: int = 4, seed: int = 0, codes: int = 3) -> SpaceMap:
    """A random one."""
    rng = np.random.default_rng(seed)
    matrix, steps = (rng.normal(size=(rows, size)).astype(np.float32) for rows in (size, codes))
    return SpaceMap(
        source=source,
        target=target,
        matrix=matrix,
        steps=steps,
        penalty=0.5,
        anchors=100,
        figures={"cosine": 0.99, "kept": 0.98},
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
    with pytest.raises(ArtefactError, match="steps"):
        SpaceMap.from_bytes(replace(a_map("a", "b"), steps=np.zeros((3, 5), np.float32)).to_bytes())


@pytest.mark.parametrize("codes", [0, 3])
def test_a_chain_carries_as_one_map_after_the_other_does(codes: int) -> None:
    """Sums of texts of any code end where two maps in turn put them, whether both have steps or only one."""
    first, second = a_map("v1", "v2", seed=1), a_map("v2", "v3", seed=2, codes=codes)
    rng = np.random.default_rng(0)
    sums, weights, which = rng.normal(size=(5, 4)), rng.uniform(size=5), rng.integers(0, 3, 5)
    by_turns = way_of(second).carry_codes(way_of(first).carry_codes(sums, weights, which), weights, which)
    for chained in (ways_to("v3", [first, second])["v1"], way_of(first).then(way_of(second))):
        assert_allclose(chained.carry_codes(sums, weights, which), by_turns)
        assert_allclose(chained.carry(sums), way_of(second).carry(way_of(first).carry(sums)))


def test_a_chain_is_the_product_and_the_short_way_wins() -> None:
    """Maps back and forth (for rollback) make circles; every encoder still has one way."""
    maps = [a_map("v1", "v2", seed=1), a_map("v2", "v3", seed=2), a_map("v2", "v1", seed=3), a_map("v3", "v2", seed=4)]
    ways = ways_to("v3", maps)
    assert_allclose(ways["v1"].matrix, maps[0].matrix.astype(float) @ maps[1].matrix.astype(float))
    assert set(ways) == {"v1", "v2"}
    direct = a_map("v1", "v3", seed=5)
    assert_allclose(ways_to("v3", [*maps, direct])["v1"].matrix, direct.matrix)
    assert ways_to("v4", maps) == {}


def test_maps_of_different_sizes_make_no_chain() -> None:
    """Said by name, where it could not be multiplied."""
    with pytest.raises(ArtefactError, match="v1 to v2 is of size 4"):
        ways_to("v3", [a_map("v1", "v2"), a_map("v2", "v3", size=5)])
    with pytest.raises(ArtefactError, match="with 3 codes, the next one of 4 with 2 codes"):
        ways_to("v3", [a_map("v1", "v2"), a_map("v2", "v3", codes=2)])
