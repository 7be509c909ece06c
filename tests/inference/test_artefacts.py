"""Artefact files."""

from pathlib import Path

import numpy as np
import pytest

from profilestream.inference.artefacts import need, need_value, pack, read_file, unpack, write_file
from profilestream.schemas.errors import ArtefactError


def test_the_same_content_gives_the_same_bytes() -> None:
    """A checksum says whether two artefacts are the same, whatever order their metadata was given in."""
    tensor = np.arange(6, dtype=np.float32).reshape(2, 3)
    one = pack("thing", {"a": tensor}, {"x": 1, "y": "two", "z": [3]})
    for _ in range(5):
        assert pack("thing", {"a": tensor}, {"z": [3], "y": "two", "x": 1}) == one


def test_another_kind_is_refused() -> None:
    """A codebook is never taken for a head."""
    data = pack("codebook", {"a": np.zeros(2)}, {})
    with pytest.raises(ArtefactError, match="expected a head"):
        unpack("head", data)


@pytest.mark.parametrize("data", [b"", b"rubbish", b"\xff" * 40, (5).to_bytes(8, "little") + b"[1,2]"])
def test_rubbish_is_refused(data: bytes) -> None:
    """Bytes that are no safetensors give the one error that callers expect."""
    with pytest.raises(ArtefactError):
        unpack("thing", data)


def test_a_missing_or_misshapen_part_is_named() -> None:
    """The message says which part is wrong."""
    with pytest.raises(ArtefactError, match="'a' is missing"):
        need("thing", {}, "a", (2,))
    with pytest.raises(ArtefactError, match="'a' should have shape"):
        need("thing", {"a": np.zeros((2, 2))}, "a", (-1, 3))
    with pytest.raises(ArtefactError, match="'n' should be a int"):
        need_value("thing", {"n": "1"}, "n", int)


def test_a_written_file_replaces_the_old_one_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    """After writing twice there is one file with the second content."""
    path = tmp_path / "new" / "thing"
    write_file(path, b"one")
    write_file(path, b"two")
    assert read_file(path) == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_or_read_is_named(tmp_path: Path) -> None:
    """The error names the file instead of showing a traceback of the operating system's."""
    blocker = tmp_path / "file"
    blocker.write_bytes(b"")
    with pytest.raises(ArtefactError, match="cannot write"):
        write_file(blocker / "thing", b"x")
    with pytest.raises(ArtefactError, match="cannot read"):
        read_file(tmp_path / "absent")
