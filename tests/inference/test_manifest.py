from pathlib import Path
from shutil import copytree

import pytest

from profilestream.inference.manifest import MANIFEST, checksums, read_manifest
from profilestream.inference.repository import ModelDirectory, open_model
from profilestream.schemas.errors import ArtefactError


@pytest.fixture
def copy(tiny: ModelDirectory, tmp_path: Path) -> Path:
    """A model's folder that a test may damage."""
    return copytree(tiny.path, tmp_path / "tiny")


def test_an_undamaged_model_verifies(copy: Path, tiny: ModelDirectory) -> None:
    """A copy to another machine is as good as the original."""
    assert open_model(copy).manifest == tiny.manifest


def test_every_file_is_covered(copy: Path) -> None:
    """Triton runs nothing that the manifest does not vouch for."""
    found = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
    assert found == {*read_manifest(copy).files, MANIFEST}
    assert checksums(copy) == read_manifest(copy).files


@pytest.mark.parametrize("name", ["1/model.onnx", "1/tokenizer.json", "1/model.py", "config.pbtxt"])
def test_a_changed_file_is_named(copy: Path, name: str) -> None:
    """The message says which file to look at."""
    (copy / name).write_bytes((copy / name).read_bytes() + b" ")
    with pytest.raises(ArtefactError, match=name):
        open_model(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    """Half a copy is refused."""
    (copy / "1" / "tokenizer.json").unlink()
    with pytest.raises(ArtefactError, match=r"tokenizer\.json is missing"):
        open_model(copy)


def test_a_folder_without_manifest_is_no_model(tmp_path: Path) -> None:
    """A wrong path is told from a damaged model."""
    with pytest.raises(ArtefactError, match="no prepared model"):
        open_model(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"format": 2}', '{"surprise": true}'])
def test_an_unreadable_manifest_is_refused(copy: Path, content: str) -> None:
    """What another version or an accident wrote is not trusted."""
    (copy / MANIFEST).write_text(content)
    with pytest.raises(ArtefactError, match="cannot be read"):
        open_model(copy)
