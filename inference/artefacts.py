"""Small arrays with their meaning: safetensors bytes that say what they are, checked when read.

Safetensors rather than pickle: reading one can never run code.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..schemas.errors import ArtefactError

_T = TypeVar("_T")
Tensors = dict[str, NDArray[Any]]

_HEADER_LENGTH = 8  # safetensors: a little-endian uint64, then that many bytes of JSON
_META = "profilestream"  # one entry only: safetensors keeps several in no fixed order, and bytes must be reproducible


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data`, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def pack(kind: str, tensors: Tensors, metadata: Mapping[str, Any]) -> bytes:
    """Safetensors with `metadata` (JSON values) that say they are a `kind`; the same input gives the same bytes."""
    contiguous = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
    said = orjson.dumps({**metadata, "kind": kind}, option=orjson.OPT_SORT_KEYS)
    return bytes(save(contiguous, {_META: said.decode()}))


def unpack(kind: str, data: bytes, *, sha256: str | None = None) -> tuple[Tensors, dict[str, Any]]:
    """The tensors and metadata that `pack` put into `data`, compared with `sha256` (hexadecimal) where it is known.

    Raises:
        ArtefactError: Truncated, altered, not safetensors, of another kind, or with numbers that are not finite.
    """
    if sha256 is not None and sha256_hex(data) != sha256:
        raise ArtefactError(f"this {kind} does not match its checksum: fit or publish it again")
    try:
        tensors: Tensors = dict(load(data))
        length = int.from_bytes(data[:_HEADER_LENGTH], "little")
        header = orjson.loads(data[_HEADER_LENGTH : _HEADER_LENGTH + length])
        metadata = orjson.loads(header["__metadata__"][_META])
    except (SafetensorError, ValueError, KeyError) as error:
        raise ArtefactError(f"this is not a complete {kind} ({error}): fit or publish it again") from error
    if metadata.get("kind") != kind:
        raise ArtefactError(f"expected a {kind}, found a {metadata.get('kind')!r}")
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise ArtefactError(f"{kind}: {name!r} has numbers that are not finite: fit it again")
    return tensors, metadata


def need(kind: str, tensors: Tensors, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """The tensor `name`, which must have `shape` (-1: any length).

    Raises:
        ArtefactError: It is missing or of another shape.
    """
    tensor = tensors.get(name)
    if tensor is None:
        raise ArtefactError(f"{kind}: {name!r} is missing: fit or publish it again")
    fits = len(shape) == tensor.ndim and all(n in (-1, found) for n, found in zip(shape, tensor.shape, strict=True))
    if not fits:
        raise ArtefactError(f"{kind}: {name!r} should have shape {shape}, found {tensor.shape}")
    return tensor


def need_value(kind: str, metadata: Mapping[str, Any], name: str, type_: type[_T]) -> _T:
    """The metadata's value `name`, which must be a `type_`.

    Raises:
        ArtefactError: It is missing or of another type.
    """
    value = metadata.get(name)
    if not isinstance(value, type_):
        raise ArtefactError(f"{kind}: {name!r} should be a {type_.__name__}, found {value!r}")
    return value


def write_file(path: Path, data: bytes) -> None:
    """Write aside, force to disk, rename: after a crash at any point, `path` is whole, old or new.

    Raises:
        ArtefactError: It cannot be written, e.g. because the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(aside).replace(path)
        finally:
            Path(aside).unlink(missing_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise ArtefactError(f"cannot write {path}: {error.strerror or error}. Free some disk space there.") from error


def read_file(path: Path) -> bytes:
    """The content of `path`.

    Raises:
        ArtefactError: It is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ArtefactError(f"cannot read {path}: {error.strerror or error}.") from error


def sync_folder(folder: Path) -> None:
    """Force a folder's entries to disk: a rename lies in the folder, and may otherwise be lost with the power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
