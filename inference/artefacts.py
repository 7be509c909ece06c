"""Small arrays with their meaning: safetensors bytes that say what they are, checked when read.

Safetensors rather than pickle: reading one can never run code.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..schemas.errors import ArtefactError

Tensors = dict[str, NDArray[Any]]

_HEADER_LENGTH = 8  # safetensors: a little-endian uint64, then that many bytes of JSON


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def pack(kind: str, tensors: Tensors, metadata: Mapping[str, str]) -> bytes:
    """`tensors` and `metadata` as safetensors that say they are a `kind`; the same input gives the same bytes."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    return bytes(save(contiguous, {**metadata, "kind": kind}))


def unpack(kind: str, data: bytes) -> tuple[Tensors, dict[str, str]]:
    """The tensors and metadata that `pack` put into `data`.

    Raises:
        ArtefactError: Truncated, not safetensors, of another kind, or with numbers that are not finite.
    """
    try:
        tensors: Tensors = dict(load(data))
        length = int.from_bytes(data[:_HEADER_LENGTH], "little")
        metadata = json.loads(data[_HEADER_LENGTH : _HEADER_LENGTH + length]).get("__metadata__", {})
    except (SafetensorError, ValueError, KeyError) as error:
        message = f"this is not a complete {kind} file ({error}): publish or fit it again"
        raise ArtefactError(message) from error
    if metadata.get("kind") != kind:
        raise ArtefactError(f"expected a {kind}, found {metadata.get('kind', 'an unnamed file')!r}")
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ArtefactError(f"{kind}: {name!r} has numbers that are not finite; fit it again")
    return tensors, metadata


def need(kind: str, tensors: Tensors, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The tensor `name`, which must have `shape` (-1: any length).

    Raises:
        ArtefactError: It is missing or of another shape.
    """
    tensor = tensors.get(name)
    found = None if tensor is None else tensor.shape
    if (
        tensor is None
        or len(tensor.shape) != len(shape)
        or any(w not in (-1, f) for w, f in zip(shape, tensor.shape, strict=True))
    ):
        raise ArtefactError(f"{kind}: {name!r} should have shape {shape}, found {found}")
    return tensor
