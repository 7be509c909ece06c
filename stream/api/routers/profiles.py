"""Profiles, and why they are what they are."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from ...lookup import ReadableProfile
from ..answers import READING, problems
from ..guard import read
from ..json import Json
from ..options import MOST_ID, MOST_LABEL
from ..problems import Problem
from ..profiles import InterestHistory, Profile, ProfileQuery, Profiles, UserId, Why, with_slashes
from ..services import Services, Used
from .quick import quick

OneLabel = Annotated[str, Query(max_length=MOST_LABEL, description="Only what speaks for this label.")]

router = APIRouter(prefix="/v1", tags=["profiles"], dependencies=[read], responses=READING)


async def _answer(request: Request) -> Json | None:
    user = with_slashes(request.path_params["user"])
    if request.scope["query_string"] or not 0 < len(user) <= MOST_ID:
        return None
    services: Services = request.app.state.services
    services.guard.admit(request, "read")
    return Json(await _one(services, user))


async def profile(user: UserId, services: Used) -> Json:
    """A user's profile: interests, sentiment, habits and why."""
    return Json(await _one(services, user))


router.add_api_route(
    "/profiles/{user}",
    profile,
    response_model=Profile,
    responses=problems(404),
    route_class_override=quick(_answer),
)


@router.post("/lookup", response_model=Profiles, responses=problems(400, 413))
async def many(query: ProfileQuery, services: Used) -> Json:
    """Many users' profiles, in one round trip to Redis."""
    users = list(dict.fromkeys(query.users))
    found = await services.lookup().get(users)
    missing = [user for user, value in zip(users, found, strict=True) if value is None]
    return Json({"profiles": [value for value in found if value], "missing": missing})


@router.get("/profiles/{user}/evidence", response_model=Why, responses=problems(404))
async def evidence(user: UserId, services: Used, label: OneLabel = "") -> Json:
    """Why: the events that speak most for the user's leading labels, or for one of them."""
    found = await _one(services, user)
    reasons = [reason for reason in found.evidence if label in ("", reason.label)]
    return Json({"user": user, "revision": found.revision, "evidence": reasons})


@router.get("/profiles/{user}/history", response_model=InterestHistory)
async def history(user: UserId, services: Used) -> Json:
    """How the user's interests went, from this process's index: no round trip, and nothing from before it began."""
    found = services.index.history(user)
    points = [{"time": time, "interests": interests} for time, interests in found or ()]
    return Json({"user": user, "known": found is not None, "points": points})


async def _one(services: Services, user: str) -> ReadableProfile:
    (found,) = await services.lookup().get([user])
    if found is None:
        raise Problem(404, "Not Found", "There is no profile of this user: no event was applied yet.")
    return found
