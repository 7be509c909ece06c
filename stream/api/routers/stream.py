"""The stream's health, drift, trends and learning."""

from fastapi import APIRouter

from ..answers import READING, Drift, Learning, StreamHealth, Trends
from ..guard import read
from ..json import Json
from ..services import Used

router = APIRouter(prefix="/v1", tags=["stream"], dependencies=[read], responses=READING)


@router.get("/stream", response_model=StreamHealth)
async def stream(services: Used) -> Json:
    """Throughput, lag, workers, and the servers that the stream needs: looked at every other second, told at once."""
    return Json(services.sources.health().model_dump())


@router.get("/drift", response_model=Drift)
async def drift(services: Used) -> Json:
    """Can the profiles be trusted today? What is watched for drift, what moved, and the alarms."""
    return Json((await services.sources.views.drift()).model_dump())


@router.get("/trends", response_model=Trends)
async def trends(services: Used) -> Json:
    """How people speak about things: sentiment by topic and segment, with an alarm when the negative surges."""
    return Json((await services.sources.views.trends()).model_dump())


@router.get("/learning", response_model=Learning)
async def learning(services: Used) -> Json:
    """The accuracy matrix of the last training run: what was learned, and what was kept."""
    return Json((await services.sources.views.learning()).model_dump())
