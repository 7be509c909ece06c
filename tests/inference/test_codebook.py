"""The codebook."""

import numpy as np
import pytest

from profilestream.inference.artefacts import sha256_hex
from profilestream.inference.codebook import Codebook, fit_codebook
from profilestream.inference.embedder import Embeddings
from profilestream.schemas.errors import ArtefactError


def bundles(seed: int = 0, directions: int = 12, dimensions: int = 24) -> tuple[Embeddings, np.ndarray]:
    """Unit vectors around a few directions, and which each belongs to."""
    rng = np.random.default_rng(seed)
    centres = np.linalg.qr(rng.normal(size=(dimensions, dimensions)))[0][:directions]
    belongs = np.arange(600) % directions
    rows = centres[belongs] + 0.05 * rng.normal(size=(600, dimensions))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), belongs


@pytest.fixture(scope="module")
def codebook() -> Codebook:
    """Fitted on twelve bundles, with codes to spare."""
    return fit_codebook(bundles()[0], encoder="encoder-v1", codes=36, dimensions=12, seed=3)


def test_an_encoder_with_few_dimensions_fills_up_with_zeros() -> None:
    """Profiles keep as many numbers whatever the encoder has; cosines are those of its own space."""
    embeddings = bundles(dimensions=12)[0]
    codebook = fit_codebook(embeddings, encoder="e", codes=10, dimensions=16)
    stored = codebook.project(embeddings)
    assert stored.shape == (len(embeddings), 16)
    assert np.allclose(stored @ stored.T, embeddings @ embeddings.T, atol=1e-5)


def test_each_bundle_gets_codes_of_its_own(codebook: Codebook) -> None:
    """Texts that share a code say the same."""
    embeddings, belongs = bundles()
    codes, cosines = codebook.assign(embeddings)
    assert len({(int(c), int(b)) for c, b in zip(codes, belongs, strict=True)}) == len(set(codes.tolist()))
    assert cosines.min() > 0.9


def test_what_was_never_seen_is_novel(codebook: Codebook) -> None:
    """A direction outside all bundles has a low cosine: drift shows."""
    embeddings, _ = bundles()
    outside = np.random.default_rng(9).normal(size=24)
    outside -= codebook.projection.T @ (codebook.projection @ outside)
    outside /= np.linalg.norm(outside)
    _, cosine = codebook.assign(outside[None].astype(np.float32))
    assert cosine[0] < 0.4 < codebook.assign(embeddings)[1].min()


def test_the_same_seed_gives_the_same_codebook() -> None:
    """A codebook can be made again, byte for byte; another seed makes another one."""
    embeddings, _ = bundles()
    one, same, other = (fit_codebook(embeddings, encoder="e", codes=30, dimensions=6, seed=s) for s in (1, 1, 2))
    assert one.to_bytes() == same.to_bytes()
    assert one.to_bytes() != other.to_bytes()


def test_codes_are_unit_vectors_even_among_repetitions() -> None:
    """Data with fewer distinct texts than codes, as chat has, still fits."""
    embeddings = np.repeat(np.eye(4, dtype=np.float32), 20, axis=0)
    codebook = fit_codebook(embeddings, encoder="e", codes=10, dimensions=4)
    np.testing.assert_allclose(np.linalg.norm(codebook.codes, axis=1), 1, atol=1e-6)
    assert codebook.assign(embeddings)[1].min() > 0.999


def test_the_projection_commutes_with_sums_and_keeps_what_matters(codebook: Codebook) -> None:
    """A projected sum is the sum of projections, and cosines within the bundles' span survive."""
    embeddings, _ = bundles()
    np.testing.assert_allclose(
        codebook.project(embeddings.sum(axis=0, keepdims=True))[0], codebook.project(embeddings).sum(axis=0), rtol=1e-4
    )
    np.testing.assert_allclose(codebook.projection @ codebook.projection.T, np.eye(12), atol=1e-6)
    assert (np.linalg.norm(codebook.project(embeddings), axis=1) > 0.9).all()


def test_bytes_bring_back_the_same_codebook(codebook: Codebook) -> None:
    """Saving and loading changes nothing, and damage is noticed."""
    data = codebook.to_bytes()
    back = Codebook.from_bytes(data, sha256=sha256_hex(data))
    assert (back.encoder, back.seed) == ("encoder-v1", 3)
    assert back.to_bytes() == data
    for broken in (data[:-1], data[:100], b""):
        with pytest.raises(ArtefactError):
            Codebook.from_bytes(broken)
    with pytest.raises(ArtefactError, match="checksum"):
        Codebook.from_bytes(data[:-1] + bytes([data[-1] ^ 1]), sha256=sha256_hex(data))


def test_too_few_embeddings_are_refused() -> None:
    """The error says how many are needed."""
    with pytest.raises(ArtefactError, match="256 codes needs as many"):
        fit_codebook(np.eye(8, dtype=np.float32), encoder="e")
