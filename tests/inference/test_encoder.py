import json
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from profilestream.inference.encoder import Encoder, load_encoder
from profilestream.schemas.errors import ArtefactError, ConfigurationError
from tests.inference.conftest import SENTENCES


@pytest.fixture
def source(tiny_source: Path, tmp_path: Path) -> Path:
    """An encoder's folder that a test may change."""
    return copytree(tiny_source, tmp_path / "encoder")


def test_it_is_the_published_model(minilm: Encoder) -> None:
    """The vectors are those that all-MiniLM-L6-v2 is known for, here for the sentence on its model card."""
    vector = minilm.embed(["This is an example sentence"])[0]
    assert vector[:3] == pytest.approx([0.0676, 0.0635, 0.0487], abs=1e-3)


def test_padding_changes_nothing(minilm: Encoder) -> None:
    """A short text beside a long one has the vector that it has alone."""
    together = minilm.embed(SENTENCES)
    for text, row in zip(SENTENCES, together, strict=True):
        np.testing.assert_allclose(minilm.embed([text])[0], row, atol=1e-5)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_a_missing_file_is_named(source: Path, name: str) -> None:
    """The message says what the folder lacks."""
    (source / name).unlink()
    with pytest.raises(ConfigurationError, match=f"no {name}"):
        load_encoder(source)


def test_pickled_weights_are_refused(source: Path) -> None:
    """Loading an encoder cannot run code."""
    (source / "model.safetensors").rename(source / "pytorch_model.bin")
    with pytest.raises(ConfigurationError, match="pickled weights are refused"):
        load_encoder(source)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_file_is_an_artefact_error(source: Path, name: str) -> None:
    """A truncated download ends with our error, not with a traceback of another library's."""
    content = (source / name).read_bytes()
    (source / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ArtefactError, match=str(source)):
        load_encoder(source)


def test_the_configured_pooling_is_used(source: Path) -> None:
    """An encoder that was trained with the first token is not averaged."""
    mean = load_encoder(source).embed(SENTENCES)
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
    first = load_encoder(source).embed(SENTENCES)
    assert not np.allclose(mean, first, atol=1e-3)


def test_an_unknown_pooling_is_refused(source: Path) -> None:
    """Better no vectors than vectors that the encoder was not trained for."""
    (source / "1_Pooling").mkdir()
    (source / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(ConfigurationError, match="pooling_mode_max_tokens"):
        load_encoder(source)


def test_long_texts_are_cut(source: Path) -> None:
    """A text beyond the encoder's positions is embedded by its beginning."""
    (source / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    encoder = load_encoder(source)
    assert encoder.max_tokens == 16
    np.testing.assert_allclose(encoder.embed(["x" * 14 + "y" * 500]), encoder.embed(["x" * 14]), atol=1e-6)
