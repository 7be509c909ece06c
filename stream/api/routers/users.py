"""Questions about all users, answered from the bounded index in this process's memory."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query

from ..answers import READING
from ..guard import read
from ..index import Seen
from ..json import Json
from ..options import MOST_ID
from ..profiles import Label, Most, PopularInterests, SimilarUsers, TopUsers, UserId, Users
from ..services import Used

router = APIRouter(prefix="/v1", tags=["users"], dependencies=[read], responses=READING)

Search = Annotated[str, Query(max_length=MOST_ID, description="Part of the id, in any case.", examples=["ad"])]


# What looks at all users runs in a thread: numpy lets others go on meanwhile.


@router.get("/users", response_model=Users)
async def users(services: Used, search: Search = "", limit: Most = 20) -> Json:
    """Find users by a part of their id; those that changed lately first."""
    found = await asyncio.to_thread(services.index.find, search, limit)
    return Json({"indexed": len(services.index), "complete": services.complete, "users": [_indexed(u) for u in found]})


@router.get("/interests", response_model=PopularInterests)
async def interests(services: Used) -> Json:
    """All interests, those that lead for most users first."""
    found = await asyncio.to_thread(services.index.popular)
    return Json({"indexed": len(services.index), "complete": services.complete, "interests": found})


@router.get("/interests/{label}/users", response_model=TopUsers)
async def top_users(
    label: Label, services: Used, limit: Most = 20, min_events: Annotated[int, Query(ge=0, le=2**31)] = 3
) -> Json:
    """The users to whom an interest matters most: its share of their attention."""
    found = await asyncio.to_thread(services.index.top, label, limit, min_events)
    fans = [{"user": seen.user, "share": share, "events": seen.events, "time": seen.time} for seen, share in found]
    return Json({"label": label, "complete": services.complete, "users": fans})


@router.get("/profiles/{user}/similar", response_model=SimilarUsers)
async def similar(user: UserId, services: Used, limit: Most = 10) -> Json:
    """The users most like one, by their long-term vectors."""
    found = await asyncio.to_thread(services.index.similar, user, limit)
    likest = [one._asdict() for one in found or ()]
    return Json({"user": user, "known": found is not None, "complete": services.complete, "users": likest})


def _indexed(seen: Seen) -> dict[str, object]:
    return seen._asdict()
