"""The stream's health, drift, trends and learning."""

from typing import Annotated

from fastapi import APIRouter, Query

from ...trends.read import read as read_trends
from ..answers import READING, Learning, StreamHealth
from ..guard import read
from ..json import Json
from ..reports import learning as read_learning
from ..services import Used
from ..trust import Drift, Trends, drift_of

router = APIRouter(prefix="/v1", tags=["stream"], dependencies=[read], responses=READING)


@router.get("/stream", response_model=StreamHealth)
async def stream(services: Used) -> Json:
    """Throughput, lag, workers, and the servers that the stream needs: looked at every other second, told at once."""
    return Json(services.sources.health().model_dump())


@router.get("/drift", response_model=Drift)
async def drift(services: Used) -> Json:
    """Can the profiles be trusted today? What is watched for drift, reference beside current, and the alarms."""
    return Json(drift_of(await services.sources.drift.statuses()).model_dump())


@router.get("/trends", response_model=Trends)
async def trends(
    services: Used,
    hours: Annotated[float, Query(gt=0, le=336, description="How far back.")] = 24,
    segment: Annotated[str, Query(max_length=512, description="Of whom; empty: everybody.")] = "",
) -> Json:
    """What people talk about, and how they feel: by the minute up to three hours, by the hour beyond."""
    found = await read_trends(services.sources.trends, hours=hours, segment=segment)
    return Json(Trends.model_validate(found.as_dict()).model_dump())


@router.get("/learning", response_model=Learning)
async def learning(services: Used) -> Json:
    """The accuracy matrix of the last training run: what was learned, and what was kept."""
    return Json((await read_learning(services.sources.artefacts)).model_dump())
