"""JSON by orjson: dataclasses and numpy numbers as they are, and no second validation of what we made ourselves."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


class Json(Response):
    """An answer in JSON.

    Args:
        content: Plain values, dataclasses, numpy scalars.
        status_code: HTTP status.
        headers: To send with it.
        media_type: Another type of JSON.
    """

    media_type = "application/json"

    def __init__(
        self,
        content: Any,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        media_type: str | None = None,
    ) -> None:
        super().__init__(content, status_code, headers, media_type)

    def render(self, content: Any) -> bytes:
        """As bytes."""
        return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)
