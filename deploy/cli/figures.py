"""The figures of a bench or a test, as a JSON file for other programs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from ...schemas.errors import SetupError


def write_figures(path: Path, figures: Mapping[str, Any]) -> None:
    """Write them, and make the folder where there is none.

    Raises:
        SetupError: It cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(orjson.dumps(figures, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY) + b"\n")
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from error
