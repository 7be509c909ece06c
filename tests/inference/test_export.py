"""Exported models against torch."""

from pathlib import Path

import numpy as np
import onnxruntime
import orjson
import pytest
import torch

from profilestream.deploy.local.packages import fetch_package
from profilestream.inference.encoder import Encoder, load_encoder
from profilestream.inference.export import check_fp32, check_int8
from profilestream.inference.local import LocalEmbedder
from profilestream.inference.repository import ModelDirectory
from profilestream.schemas.errors import ArtefactError

SHAPES = [(1, 2), (1, 40), (3, 7), (7, 256), (64, 16)]


@pytest.mark.parametrize(("texts", "tokens"), SHAPES)
def test_fp32_is_torch_at_every_shape(minilm: Encoder, fp32: ModelDirectory, texts: int, tokens: int) -> None:
    """Neither the number of texts nor their length was frozen by the export."""
    random = np.random.default_rng(texts)
    ids = random.integers(1000, 20_000, size=(texts, tokens))
    mask = (np.arange(tokens) < random.integers(1, tokens + 1, size=(texts, 1))).astype(np.int64)
    session = onnxruntime.InferenceSession(fp32.artefacts / "model.onnx", providers=["CPUExecutionProvider"])
    found = session.run(None, {"input_ids": ids, "attention_mask": mask})[0]
    with torch.inference_mode():
        expected = minilm.module(torch.from_numpy(ids), torch.from_numpy(mask)).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)


async def test_int8_is_close_on_real_messages(fp32: ModelDirectory, int8: ModelDirectory, data_home: Path) -> None:
    """On messages that it was not calibrated on, quantisation turns no vector by more than a few degrees."""
    texts = messages(fetch_package("chitchat-dataset", data_home))
    exact, quantised = LocalEmbedder(fp32.path), LocalEmbedder(int8.path)
    cosines = ((await exact.embed(texts)) * (await quantised.embed(texts))).sum(1)
    assert cosines.mean() >= 0.995
    assert cosines.min() >= 0.98
    await exact.close()
    await quantised.close()


def test_a_model_of_another_encoder_is_refused(tiny_source: Path, tiny: ModelDirectory) -> None:
    """An export that went wrong is never published."""
    encoder = load_encoder(tiny_source)
    encoder.module.pooling = "cls"
    with pytest.raises(ArtefactError, match="differs from torch"):
        check_fp32(encoder, tiny.artefacts / "model.onnx")
    with pytest.raises(ArtefactError, match="cosine"):
        check_int8(encoder, tiny.artefacts / "model.onnx")


def test_the_file_needs_no_other(fp32: ModelDirectory) -> None:
    """All weights are in the one file that the manifest vouches for."""
    assert sorted(path.name for path in fp32.artefacts.glob("*model*")) == ["model.onnx", "model.py"]
    content = (fp32.artefacts / "model.onnx").read_bytes()
    onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])


def test_what_is_written_down_is_what_was_measured(minilm: Encoder, int8: ModelDirectory) -> None:
    """The manifest's cosine can be trusted."""
    assert check_int8(minilm, int8.artefacts / "model.onnx") == pytest.approx(int8.manifest.cosine, abs=1e-3)


def messages(package: Path) -> list[str]:
    """256 distinct chat messages, spread over the data set."""
    file = next(package.rglob("*.json"))
    conversations = orjson.loads(file.read_bytes()).values()
    texts = [message["text"] for talk in conversations for turn in talk["messages"] for message in turn]
    return list(dict.fromkeys(texts))[:: max(1, len(set(texts)) // 256)][:256]
