"""Errors as problem details (RFC 9457): what is wrong, and what to do."""

from collections.abc import Mapping
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ...schemas.errors import ArtefactError, ConfigurationError, UnavailableError
from .json import Json

MEDIA_TYPE = "application/problem+json"

log = structlog.get_logger(__name__)

_DETAILS = {
    400: "The body is not JSON in UTF-8.",
    404: "There is nothing at this address; /openapi.json lists what there is.",
    405: "This address has no such method; the Allow header lists those that it has.",
}


class Problem(Exception):  # noqa: N818 (the RFC's word)
    """An answer that is not what was asked for.

    Args:
        status: HTTP status.
        title: What is wrong, the same for all occurrences.
        detail: This occurrence, and what to do.
        headers: To send with it.
    """

    def __init__(self, status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.detail = detail
        self.headers = headers


def problem_response(status: int, title: str, detail: str, headers: Mapping[str, str] | None = None) -> Json:
    """The problem as an answer."""
    content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    return Json(content, status, headers, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of an app a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(UnavailableError, _unavailable)
    app.add_exception_handler(ArtefactError, _unready)
    app.add_exception_handler(ConfigurationError, _unready)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(_: Request, error: Exception) -> Json:
    found = cast("Problem", error)
    return problem_response(found.status, found.title, found.detail, found.headers)


async def _http(_: Request, error: Exception) -> Json:
    refused = cast("HTTPException", error)
    detail = _DETAILS.get(refused.status_code, "The request cannot be answered.")
    return problem_response(refused.status_code, str(refused.detail), detail, refused.headers)


async def _invalid(_: Request, error: Exception) -> Json:
    first: Mapping[str, Any] = cast("RequestValidationError", error).errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return problem_response(422, "Unprocessable Content", f"{where}: {first['msg']}. See /openapi.json for what fits.")


async def _unavailable(_: Request, error: Exception) -> Json:
    return problem_response(503, "Service Unavailable", f"{error}. Try again.", {"Retry-After": "1"})


async def _unready(_: Request, error: Exception) -> Json:
    return problem_response(503, "Service Unavailable", str(error), {"Retry-After": "5"})


async def _unexpected(request: Request, error: Exception) -> Json:
    log.error("request failed", path=request.scope.get("route") and request.scope["route"].path, error=repr(error))
    return problem_response(500, "Internal Server Error", "This is a mistake of ours; the server's log says more.")
