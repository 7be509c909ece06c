"""Models: which are in use, how they came to be, and back to the one before."""

from fastapi import APIRouter

from ....schemas.errors import ArtefactError, ConfigurationError
from ..answers import READING, Models, RolledBack, problems
from ..guard import Admin, read
from ..json import Json
from ..problems import Problem
from ..publishing import together
from ..services import Services, Used

router = APIRouter(prefix="/v1/models", tags=["models"], responses=READING)


@router.get("", response_model=Models, dependencies=[read])
async def models(services: Used) -> Json:
    """Encoders and heads in use, and their timeline."""
    published = await services.sources.publishing.publications()
    moments = together(services.sources.timeline.moments, published.moments)
    return Json(
        {
            "champion": published.champion or _encoder(services),
            "encoders": published.encoders,
            "heads": _heads(services),
            "rollback_to": published.rollback_to,
            "timeline": [moment.model_dump() for moment in moments],
        }
    )


@router.post("/rollback", response_model=RolledBack, responses=problems(409))
async def rollback(services: Used, _: Admin) -> Json:
    """Make the champion before this one the champion again. Needs a token with the scope admin."""
    publishing = services.sources.publishing
    before = (await publishing.publications()).champion
    try:
        champion = await publishing.rollback()
    except (ConfigurationError, ArtefactError) as error:
        raise Problem(409, "Conflict", str(error)) from error
    return Json({"champion": champion, "before": before or ""})


def _encoder(services: Services) -> str | None:
    """The one in use, where nothing was published."""
    try:
        return services.sources.models().encoder
    except (ArtefactError, ConfigurationError):
        return None


def _heads(services: Services) -> list[dict[str, object]]:
    try:
        heads = services.sources.models().heads.values()
    except (ArtefactError, ConfigurationError):  # none yet
        return []
    return [{"task": h.task, "version": h.version, "encoder": h.encoder, "labels": h.labels} for h in heads]
