"""The direction of a stored profile, without decoding the rest: for an index over all users."""

import numpy as np
from numpy.typing import NDArray

from ...schemas.codec import decode_record
from ...schemas.errors import ArtefactError, BadRecordError
from .state import SCHEMA


def direction(state: bytes) -> tuple[str, NDArray[np.float32]]:
    """The encoder that a state's vectors come from, and its long-term vector, of unit length, shape (dimensions,).

    No numbers at all where the profile has no text.

    Raises:
        ArtefactError: It is not a state.
    """
    try:
        record = decode_record(SCHEMA, state)
        vector = np.frombuffer(record["vector"], np.float16).astype(np.float32)  # the shared scale does not turn it
    except (BadRecordError, ValueError) as error:
        raise ArtefactError(f"not a profile's state: {error}") from error
    length = float(np.linalg.norm(vector))
    return record["model"], vector / length if 0 < length < np.inf else np.zeros(0, np.float32)
