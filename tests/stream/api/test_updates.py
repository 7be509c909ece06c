"""Live updates: everyone hears what is new, and nobody waits for the slow."""

import asyncio
import json
from dataclasses import replace

import httpx
import pytest

from profilestream.stream.api.hub import Hub
from profilestream.stream.api.metrics import ApiMetrics
from profilestream.stream.api.problems import Problem
from tests.stream.api.place import OPTIONS, Place, bearer, serving
from tests.stream.api.test_index import update
from tests.stream.world import event

LONG = replace(OPTIONS, live_seconds=3600.0)


async def events(answer: httpx.Response, count: int) -> list[dict]:
    """The next updates on a stream."""
    found: list[dict] = []
    async for line in answer.aiter_lines():
        if line.startswith("data: "):
            found.append(json.loads(line[6:]))
            if len(found) == count:
                break
    return found


async def test_who_follows_is_told() -> None:
    """All changes, or those of some users, with interests and evidence; what was before is not repeated."""
    place = Place(options=LONG)
    await place.happen(event(1, user="old"))
    async with (
        asyncio.timeout(30),
        serving(place) as url,
        httpx.AsyncClient(base_url=url, headers=bearer()) as client,
        client.stream("GET", "/v1/updates") as all_of_them,
        client.stream("GET", "/v1/updates?user=ada&user=grace") as some,
    ):
        assert some.headers["Content-Type"].startswith("text/event-stream")
        await place.happen(event(2, user="ada"), event(3, user="alan"), event(4, user="grace"))
        everyone, chosen = await asyncio.gather(events(all_of_them, 3), events(some, 2))
    assert {one["user"] for one in everyone} == {"ada", "alan", "grace"}
    assert {one["user"] for one in chosen} == {"ada", "grace"}
    assert chosen[0]["interests"]
    assert chosen[0]["evidence"]
    assert chosen[0]["events"] == 1


async def test_a_slow_client_is_told_the_newest_and_how_much_it_missed() -> None:
    """Of each user the last state; beyond the bound the longest waiting go, and are counted."""
    hub = Hub(clients=2, users=3, metrics=ApiMetrics())
    with hub.subscribed([]) as slow, hub.subscribed(["u1"]) as picky:
        for revision in range(1, 4):
            hub.publish([update("u1", revision)])
        hub.publish([update(f"u{number}") for number in range(2, 6)])
        assert [(one.user, one.revision) for one in await slow.take()] == [("u3", 1), ("u4", 1), ("u5", 1)]
        assert slow.dropped == 2
        assert [(one.user, one.revision) for one in await picky.take()] == [("u1", 3)]
        assert picky.dropped == 0
        with pytest.raises(Problem):
            hub.check()
    hub.check()


async def test_a_server_that_stops_does_not_wait_for_those_who_follow() -> None:
    """Their streams end."""
    place = Place(options=LONG)
    async with (
        asyncio.timeout(30),
        httpx.AsyncClient(headers=bearer()) as client,
        serving(place) as url,
        client.stream("GET", f"{url}v1/updates") as answer,
    ):
        lines = answer.aiter_lines()
        assert await anext(lines) == ": following"
        place.services.hub.close()
        assert "".join([line async for line in lines]) == ""


async def test_too_many_followers_are_sent_away() -> None:
    """The bound is kept, and the answer says when to come again."""
    async with Place(options=replace(LONG, live_clients=0)).client() as client:
        answer = await client.get("/v1/updates")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
