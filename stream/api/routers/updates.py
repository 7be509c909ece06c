"""Live updates as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from ....schemas.events import ProfileUpdate
from ..answers import READING
from ..guard import read
from ..hub import Subscription
from ..options import MOST_ID
from ..services import Services, Used

MOST_FOLLOWED = 100
EVERY = 0.2  # seconds: what changes more often is told once

router = APIRouter(prefix="/v1", tags=["updates"], dependencies=[read])

_EXAMPLE = 'event: profile\ndata: {"user":"ada","revision":42,"interests":[{"label":"hiking","share":0.6}]}\n\n'
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Never ends by itself.",
        "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    }
}


@router.get("/updates", response_class=StreamingResponse, responses={**READING, **_STREAM})
async def updates(
    services: Used,
    user: Annotated[
        list[Annotated[str, Query(min_length=1, max_length=MOST_ID)]],
        Query(
            default_factory=list,
            max_length=MOST_FOLLOWED,
            description="Only these users; without it, all.",
            examples=[["ada"]],
        ),
    ],
) -> StreamingResponse:
    """Changes of profiles as they happen: events `profile`, the newest state of each user at most 5 times a second.

    A client that reads too slowly is told less: `event: missed` says how many users were left out. Nothing is sent of
    what was before; ask for the profile after the stream has begun.
    """
    services.hub.check()
    return StreamingResponse(_stream(services, user), media_type="text/event-stream")


async def _stream(services: Services, users: Collection[str]) -> AsyncIterator[bytes]:
    options = services.options
    ends = time.monotonic() + options.live_seconds
    with services.hub.subscribed(users) as subscription:
        yield b": following\n\n"
        while not subscription.closed and (left := ends - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(left, options.heartbeat)):
                    taken = await subscription.take()
            except TimeoutError:
                yield b": still here\n\n"
                continue
            yield b"".join([_event(update) for update in taken]) + _missed(subscription)
            await asyncio.sleep(EVERY)


def _event(update: ProfileUpdate) -> bytes:
    said = {
        "user": update.user,
        "revision": update.revision,
        "events": update.events,
        "time": update.time,
        "interests": update.interests,
        "recent_interests": update.recent_interests,
        "sentiment": update.sentiment,
        "evidence": update.evidence,
        "model_version": update.model_version,
    }
    return b"event: profile\ndata: %s\n\n" % orjson.dumps(said)


def _missed(subscription: Subscription) -> bytes:
    missed, subscription.dropped = subscription.dropped, 0
    return b'event: missed\ndata: {"users":%d}\n\n' % missed if missed else b""
