from pathlib import Path
from shutil import copytree

import pytest

from profilestream.inference.prepare import prepare_encoder
from profilestream.inference.repository import ModelDirectory, ServingOptions, open_model
from profilestream.schemas.errors import ArtefactError, ConfigurationError


@pytest.fixture
def repository(tiny: ModelDirectory, tmp_path: Path) -> Path:
    """A repository with the small model in it."""
    copytree(tiny.path, tmp_path / "models" / "tiny")
    return tmp_path / "models"


def test_nothing_is_prepared_twice(tiny_source: Path, repository: Path, tiny: ModelDirectory) -> None:
    """The second start does not export again."""
    told: list[str] = []
    again = prepare_encoder(tiny_source, repository, "tiny", told.append)
    assert told == []
    assert again.manifest == tiny.manifest


def test_a_damaged_model_is_prepared_again(tiny_source: Path, repository: Path) -> None:
    """Whoever deletes a file gets it back with the next start."""
    (repository / "tiny" / "1" / "model.onnx").unlink()
    told: list[str] = []
    prepare_encoder(tiny_source, repository, "tiny", told.append)
    assert told
    open_model(repository / "tiny")


def test_other_options_are_written(tiny_source: Path, repository: Path) -> None:
    """A changed setting takes effect."""
    options = ServingOptions(instances=3)
    prepare_encoder(tiny_source, repository, "tiny", print, options=options)
    assert "count: 3" in (repository / "tiny" / "config.pbtxt").read_text()


def test_another_encoder_under_the_name_replaces_it(tiny_source: Path, repository: Path, tmp_path: Path) -> None:
    """What is served is made of the encoder that was asked for."""
    other = copytree(tiny_source, tmp_path / "other")
    (other / "1_Pooling").mkdir()
    (other / "1_Pooling" / "config.json").write_text('{"pooling_mode_cls_token": true}')
    before = open_model(repository / "tiny").manifest
    after = prepare_encoder(other, repository, "tiny", print).manifest
    assert after.files["1/model.onnx"] != before.files["1/model.onnx"]


def test_a_failed_preparation_keeps_what_was_there(tiny_source: Path, repository: Path, tmp_path: Path) -> None:
    """A damaged download does not take the working model away."""
    damaged = copytree(tiny_source, tmp_path / "damaged")
    (damaged / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ArtefactError):
        prepare_encoder(damaged, repository, "tiny", print)
    open_model(repository / "tiny")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """A wrong path is reported with the path."""
    with pytest.raises(ConfigurationError, match="nowhere"):
        prepare_encoder(tmp_path / "nowhere", tmp_path, "tiny", print)
