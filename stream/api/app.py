"""The app: routers, guard and shield, put together."""

from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from . import problems
from .answers import ProblemDetails
from .routers import health, models, page, profiles, stream, updates, users
from .services import Services
from .shield import Shield

_ABOUT = (
    "Live profiles of users, from a stream of events. Send `Authorization: Bearer TOKEN` with a token of `api_tokens`. "
    "Errors are problem details (RFC 9457). Times are milliseconds since 1970 UTC, shares 0 to 1."
)


def create_app(services: Services) -> FastAPI:
    """An ASGI app; whoever runs it feeds its index and its monitor (see `deploy/api.py`)."""
    app = FastAPI(
        title="profilestream",
        version=version("profilestream"),
        docs_url=None,
        redoc_url=None,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # spans would hold paths, and so user ids
    )
    app.state.services = services
    problems.install(app)
    app.add_middleware(Shield, body_bytes=services.options.body_bytes, metrics=services.metrics)
    for module in (profiles, users, updates, stream, models, health, page):
        app.include_router(module.router)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """FastAPI's description, with our problems in place of its validation errors."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=_ABOUT, routes=app.routes)
        schemas = schema["components"]["schemas"]
        schemas["ProblemDetails"] = ProblemDetails.model_json_schema()
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema
