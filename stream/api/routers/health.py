"""For orchestrators and Prometheus."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ....schemas.errors import ProfilestreamError
from ..answers import READING, Answer, problems
from ..guard import read
from ..json import Json
from ..problems import problem_response
from ..services import Used

router = APIRouter(tags=["health"])


class Alive(Answer):
    """It answers."""

    status: str


@router.get("/live", response_model=Alive)
async def live() -> Json:
    """Whether the process answers: restart it where it does not. No token needed."""
    return Json({"status": "live"})


@router.get("/ready", response_model=Alive, responses=problems(503))
async def ready(services: Used) -> Json:
    """Whether profiles can be read: Redis answers and models are loaded. No token needed."""
    try:
        services.sources.models()
        await services.sources.store.check()
    except ProfilestreamError:  # what exactly is for those with a token: /v1/stream
        return problem_response(503, "Service Unavailable", "Profiles cannot be read now.", {"Retry-After": "1"})
    return Json({"status": "ready"})


@router.get(
    "/metrics",
    response_class=Response,
    dependencies=[read],
    responses={**READING, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(services: Used) -> Response:
    """The API's own metrics, for Prometheus."""
    return Response(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)
