"""Heads on disk: whole or not at all."""

from pathlib import Path

import numpy as np
import pytest

from profilestream.continual.heads.durable import HeadRegistry
from profilestream.continual.heads.refit import refit, refit_texts
from profilestream.inference.hashing import HashEmbedder
from profilestream.inference.heads import Head
from profilestream.schemas.errors import ArtefactError

from .texts import LABELS, texts


def head(version: int, task: str = "interest") -> Head:
    """A head that learned four labels."""
    return refit(task, *texts(1, 60), "encoder-v1", version=version, known=LABELS)


def test_the_newest_of_three_is_kept(tmp_path: Path) -> None:
    """A head comes back byte for byte; older ones make room."""
    registry = HeadRegistry(tmp_path)
    for version in range(1, 6):
        registry.put(head(version))
    registry.put(head(9, "what they want/ask"))
    found = registry.latest("encoder-v1", "interest")
    assert found
    assert found.to_bytes() == head(5).to_bytes()
    assert registry.versions("encoder-v1", "interest") == [3, 4, 5]
    assert registry.versions("encoder-v1", "what they want/ask") == [9]
    assert registry.latest("encoder-v2", "interest") is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "another's", "no manifest", "half a manifest"])
def test_a_broken_head_is_set_aside_for_the_one_before(tmp_path: Path, damage: str) -> None:
    """Never a crash: the last good version serves, and the broken file stays to be looked at."""
    registry = HeadRegistry(tmp_path)
    registry.put(head(1))
    registry.put(head(2))
    path = tmp_path / "encoder-v1" / "interest.v2.safetensors"
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-9])
    elif damage == "flipped":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "another's":
        path.write_bytes(head(1).to_bytes())
    elif damage == "no manifest":
        path.with_suffix(".json").unlink()
    else:
        path.with_suffix(".json").write_bytes(b'{"sha2')
    for _ in range(2):
        found = registry.latest("encoder-v1", "interest")
        assert found
        assert found.version == 1
    assert damage == "no manifest" or list(path.parent.glob("*.broken-*"))


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    """A task is named by whoever sends feedback."""
    registry = HeadRegistry(tmp_path / "heads")
    registry.put(head(1, "../../escape"))
    assert registry.versions("encoder-v1", "../../escape") == [1]
    assert [path for path in tmp_path.rglob("*.safetensors") if "heads" not in path.parts] == []


async def test_refitting_from_texts_keeps_the_labels_in_use() -> None:
    """After an encoder change: ids stay, and the head knows what the texts said."""
    embedder = HashEmbedder()
    said = ["my cat purrs", "a loud guitar"] * 20
    found = await refit_texts("interest", said, ["cats", "music"] * 20, embedder, version=4, known=("music", "old"))
    assert (found.labels, found.version, found.encoder) == (("music", "old", "cats"), 4, embedder.model)
    told = found.scores(await embedder.embed(["the cat purrs", "that guitar"]))
    assert told.argmax(axis=1).tolist() == [2, 0]


def test_nothing_but_numbers_is_refitted() -> None:
    """Embeddings that are broken are refused, not learned."""
    with pytest.raises(ArtefactError):
        refit("interest", np.full((1, 4), np.nan, np.float32), ["a"], "e")
