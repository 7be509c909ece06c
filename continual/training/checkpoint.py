"""Where a training run is: safetensors with the step in them, written whole or not at all. Never pickle."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...inference.artefacts import need_value, pack, read_file, unpack, write_file
from ...schemas.errors import ArtefactError

_KIND = "training checkpoint"


def save(path: Path, parts: dict[str, nn.Module], optimiser: torch.optim.Optimizer, progress: dict[str, Any]) -> None:
    """Write modules, the optimiser's state and `progress` (JSON values) to one file.

    Raises:
        ArtefactError: It cannot be written.
    """
    tensors = {f"{part}/{name}": value for part, module in parts.items() for name, value in module.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in state.items()}
    write_file(path, pack(_KIND, {name: _array(value) for name, value in tensors.items()}, progress))


def load(path: Path, parts: dict[str, nn.Module], optimiser: torch.optim.Optimizer) -> dict[str, Any]:
    """Put back what `save` wrote, and return the progress.

    Raises:
        ArtefactError: Missing, damaged, or of another model.
    """
    arrays, progress = unpack(_KIND, read_file(path))
    need_value(_KIND, progress, "step", int)
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    try:
        for part, module in parts.items():
            module.load_state_dict(_under(tensors, f"{part}/"))
        whole = optimiser.state_dict()
        whole["state"] = _nested(_under(tensors, "optimiser/"))
        optimiser.load_state_dict(whole)
    except (RuntimeError, ValueError, KeyError) as error:
        raise ArtefactError(f"{path} is of another model ({str(error).splitlines()[0]}): delete it.") from error
    return progress


def _array(tensor: Tensor) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = tensor.detach().cpu().numpy()
    return array


def _under(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _nested(tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = value
    return state
