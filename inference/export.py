"""From torch to ONNX: one self-contained file, compared with torch before anybody may use it."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from ..schemas.errors import ArtefactError
from .embedder import Embeddings
from .encoder import Encoder
from .quantise import Batch, quantise
from .sentences import CALIBRATION

OUTPUT = "sentence_embedding"
FP32_TOLERANCE = 1e-4
INT8_COSINE = 0.99


def export_fp32(encoder: Encoder, target: Path) -> None:
    """Write the encoder with pooling and normalisation as one ONNX file.

    Inputs `input_ids` and `attention_mask`, int64 of shape (texts, tokens), both sizes free; output
    `sentence_embedding`, float32 of shape (texts, dimensions).

    Raises:
        ArtefactError: The file's vectors differ from torch's.
    """
    texts, tokens = torch.export.Dim("texts", min=1), torch.export.Dim("tokens", min=2, max=encoder.max_tokens)
    shape = {0: texts, 1: tokens}
    with warnings.catch_warnings():
        # The exporter's notes to its own developers.
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            encoder.module,
            encoder.tokenise(CALIBRATION[:3]),
            input_names=["input_ids", "attention_mask"],
            output_names=[OUTPUT],
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
            dynamo=True,
            verbose=False,
        )
    if program is None:
        raise ArtefactError("torch exported nothing. Export with the pinned torch.")
    program.save(target, external_data=False)
    check_fp32(encoder, target)


def export_int8(encoder: Encoder, source: Path, target: Path) -> float:
    """Write an int8 version of an exported encoder; the lowest cosine between its vectors and torch's.

    Raises:
        ArtefactError: A cosine is below 0.99.
    """
    quantise(source, target, [_inputs(encoder, batch) for batch in _batches(CALIBRATION, 16)])
    return check_int8(encoder, target)


def check_fp32(encoder: Encoder, model: Path) -> None:
    """Compare a model with torch at two numbers of texts and two lengths.

    Raises:
        ArtefactError: An element differs by more than 1e-4.
    """
    for expected, found in _pairs(encoder, model):
        difference = float(np.abs(expected - found).max())
        if not difference <= FP32_TOLERANCE:  # NaN is refused too
            raise ArtefactError(
                f"The exported encoder differs from torch by {difference:.2g} at {len(found)} texts "
                f"(allowed: {FP32_TOLERANCE:g}): not used. Export with the pinned torch."
            )


def check_int8(encoder: Encoder, model: Path) -> float:
    """Compare a quantised model with torch at two numbers of texts and two lengths; the lowest cosine.

    Raises:
        ArtefactError: A cosine is below 0.99.
    """
    lowest = min(float((expected * found).sum(1).min()) for expected, found in _pairs(encoder, model))
    if not lowest >= INT8_COSINE:
        raise ArtefactError(
            f"The int8 encoder's vectors have cosine {lowest:.4f} to the original's, below {INT8_COSINE}: not used.\n"
            "Prepare this encoder with precision fp32."
        )
    return lowest


def _pairs(encoder: Encoder, model: Path) -> Iterator[tuple[Embeddings, Embeddings]]:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    for texts in (CALIBRATION, CALIBRATION[:7]):
        yield encoder.embed(texts), session.run([OUTPUT], _inputs(encoder, texts))[0]


def _inputs(encoder: Encoder, texts: Sequence[str]) -> Batch:
    ids, mask = encoder.tokenise(texts)
    return {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}


def _batches(texts: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(texts), size):
        yield texts[start : start + size]
