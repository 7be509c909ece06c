from pathlib import Path

import pytest

from profilestream.inference.repository import ModelDirectory, ModelFiles, ServingOptions, open_model, write_model
from profilestream.schemas.errors import ArtefactError, ConfigurationError


def files(onnx: Path, tokenizer: Path) -> ModelFiles:
    """Whatever is in these two files, as a model."""
    return ModelFiles(
        onnx=onnx, tokenizer=tokenizer, dimensions=4, max_tokens=8, precision="fp32", cosine=1.0, source={}, versions={}
    )


@pytest.fixture
def some_files(tmp_path: Path) -> ModelFiles:
    """Small files: the repository does not look into them."""
    (tmp_path / "a.onnx").write_bytes(b"weights")
    (tmp_path / "a.json").write_bytes(b"{}")
    return files(tmp_path / "a.onnx", tmp_path / "a.json")


def test_what_triton_finds(some_files: ModelFiles, tmp_path: Path) -> None:
    """The layout is Triton's: a configuration and one version."""
    model = write_model(tmp_path / "models", "encoder-v1", some_files, ServingOptions())
    names = {path.relative_to(model.path).as_posix() for path in model.path.rglob("*") if path.is_file()}
    assert {"config.pbtxt", "manifest.json", "1/model.py", "1/model.onnx", "1/tokenizer.json"} <= names
    assert open_model(model.path).manifest == model.manifest


def test_nothing_is_left_of_a_failed_write(some_files: ModelFiles, tmp_path: Path) -> None:
    """A write that fails halfway is as if it had never begun."""
    missing = files(some_files.onnx, tmp_path / "gone.json")
    with pytest.raises(ArtefactError, match="Cannot write"):
        write_model(tmp_path / "models", "encoder-v1", missing, ServingOptions())
    assert list((tmp_path / "models").iterdir()) == []


def test_a_failed_replacement_leaves_the_old_model(some_files: ModelFiles, tmp_path: Path) -> None:
    """The model that is being served survives a full disk."""
    before = write_model(tmp_path / "models", "encoder-v1", some_files, ServingOptions())
    with pytest.raises(ArtefactError):
        write_model(tmp_path / "models", "encoder-v1", files(some_files.onnx, tmp_path / "gone.json"), ServingOptions())
    assert open_model(before.path).manifest == before.manifest


def test_a_model_is_replaced_as_a_whole(some_files: ModelFiles, tmp_path: Path) -> None:
    """No file of the former model stays behind, and nothing else is in the repository."""
    root = tmp_path / "models"
    (write_model(root, "encoder-v1", some_files, ServingOptions()).path / "1" / "stale").write_text("old")
    write_model(root, "encoder-v1", some_files, ServingOptions())
    assert [path.name for path in root.iterdir()] == ["encoder-v1"]
    assert not (root / "encoder-v1" / "1" / "stale").exists()


@pytest.mark.parametrize("name", ["", "../evil", "Encoder", "a/b", "-v1", 'a"b', "x" * 65])
def test_unsafe_names_are_refused(some_files: ModelFiles, tmp_path: Path, name: str) -> None:
    """A model's name cannot lead out of the repository or break its configuration."""
    with pytest.raises(ConfigurationError, match="no model name"):
        write_model(tmp_path / "models", name, some_files, ServingOptions())
    assert not (tmp_path / "models").exists()


def test_a_root_that_cannot_be_written(some_files: ModelFiles) -> None:
    """A wrong path is reported with the path."""
    with pytest.raises(ArtefactError, match=str(some_files.onnx)):
        write_model(some_files.onnx, "encoder-v1", some_files, ServingOptions())


def test_the_options_reach_the_configuration(tiny: ModelDirectory) -> None:
    """What the manifest says of the model is what Triton is told."""
    text = (tiny.path / "config.pbtxt").read_text()
    assert f"dims: [{tiny.manifest.dimensions}]" in text
    assert "max_queue_delay_microseconds: 1000" in text
