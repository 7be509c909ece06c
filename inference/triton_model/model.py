"""The Python-backend model: TEXT in, EMBEDDING out, the texts of all waiting requests encoded together.

Triton imports it as `<version>.model` from the model repository; see its Python backend's README for the interface.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb
from numpy.typing import NDArray

from .integrity import check
from .text_encoder import TextEncoder

# Of several lengths: the first run at a shape allocates, and a user should not wait for that.
_WARM_UP = [b"warm " * words for words in (1, 4, 16, 64, 256) for _ in range(8)]


class TritonPythonModel:
    """One instance of the model, in a process of its own."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the encoder by the parameters of `config.pbtxt` and warm it up; the model is ready after that.

        A folder that is not what its manifest says is refused: Triton then says that the model cannot be loaded.
        """
        check(Path(__file__).parents[1])
        parameters = {
            name: value["string_value"] for name, value in json.loads(args["model_config"])["parameters"].items()
        }
        self.encoder = TextEncoder(
            Path(__file__).parent,
            max_tokens=int(parameters["max_tokens"]),
            threads=int(parameters["threads"]),
            token_budget=int(parameters["token_budget"]),
            providers=parameters["providers"].split(","),
            device=int(args["model_instance_device_id"]),
        )
        self.encoder.encode(_WARM_UP)

    def finalize(self) -> None:
        """Called when the model is unloaded."""
        self.encoder.close()

    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer each request; one that cannot be answered gets an error, the others their rows."""
        batches = [pb.get_input_tensor_by_name(request, "TEXT").as_numpy().ravel().tolist() for request in requests]
        try:
            rows = self.encoder.encode([text for batch in batches for text in batch])
        except Exception:  # noqa: BLE001 -- whatever it was, it was one request's doing: answer each alone
            return [self._alone(batch) for batch in batches]
        ends = np.cumsum([len(batch) for batch in batches])
        return [_response(part) for part in np.split(rows, ends[:-1])]

    def _alone(self, batch: list[bytes]) -> Any:
        try:
            return _response(self.encoder.encode(batch))
        except Exception as error:  # noqa: BLE001 -- goes to the client, without the texts
            return pb.InferenceResponse(
                error=pb.TritonError(f"cannot encode {len(batch)} texts: {type(error).__name__}")
            )


def _response(rows: NDArray[np.float32]) -> Any:
    return pb.InferenceResponse([pb.Tensor("EMBEDDING", np.ascontiguousarray(rows))])
