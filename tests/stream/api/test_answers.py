"""What is answered is what is so."""

from dataclasses import replace
from pathlib import Path

import profilestream.stream.api.app as api
from profilestream.stream.api.reports import NAME
from tests.stream.api.place import OPTIONS, Place
from tests.stream.api.states import drift
from tests.stream.world import event

BODY = 4096


async def test_a_profile_is_what_the_engine_made_of_the_events(place: Place) -> None:
    """Counts, evidence and interests come from Redis, whatever the index knows."""
    async with place.client() as client:
        found = (await client.get("/v1/profiles/user-3")).json()
        why = (await client.get("/v1/profiles/user-3/evidence", params={"label": "cats"})).json()
    assert (found["user"], found["events"], found["types"]) == ("user-3", 20, {"message": 1.0})
    assert {one["label"] for one in found["interests"]} == {"cats", "dogs"}
    assert abs(sum(one["share"] for one in found["interests"]) - 1) < 1e-9
    assert why["evidence"] == [one for one in found["evidence"] if one["label"] == "cats"]
    assert why["evidence"]


async def test_one_read_is_one_round_trip(place: Place, monkeypatch) -> None:
    """One profile or hundreds: the store is asked once."""
    asked: list[list[str]] = []
    load = place.store.load

    async def counted(users):
        asked.append(list(users))
        return await load(users)

    monkeypatch.setattr(place.store, "load", counted)
    users = [f"user-{number}" for number in range(300)]
    async with place.client() as client:
        found = (await client.post("/v1/lookup", json={"users": [*users, "user-0"]})).json()
        await client.get("/v1/profiles/user-1")
    assert asked == [users, ["user-1"]]
    assert [one["user"] for one in found["profiles"]] == users[:7]
    assert found["missing"] == users[7:]


async def test_ids_may_be_anything(place: Place) -> None:
    """Slashes, dots, blanks and signs of other scripts in an id reach the same user that the stream knows."""
    odd = ["a/b", "a%2Fb", "..", "ä ö", "?x=1&y", "日本", "evidence"]
    await place.happen(*[event(5000 + number, user=user) for number, user in enumerate(odd)])
    async with place.client() as client:
        for user in odd:
            escaped = "".join(f"%{byte:02X}" for byte in user.encode())
            assert (await client.get(f"/v1/profiles/{escaped}")).json()["user"] == user
            assert (await client.get(f"/v1/profiles/{escaped}/similar")).json()["known"]


async def test_unknown_users_and_a_store_that_is_away(place: Place) -> None:
    """Nobody is 404; no answer from Redis is 503 with when to try again, and readiness says so."""
    async with place.client() as client:
        assert (await client.get("/v1/profiles/nobody")).status_code == 404
        place.store.fail()
        away = await client.get("/v1/profiles/user-1")
        assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
        assert (await client.get("/ready")).status_code == 503
        assert (await client.get("/live")).status_code == 200
        assert (await client.get("/v1/users")).status_code == 200
        place.store.recover()
        assert (await client.get("/ready")).status_code == 200


async def test_large_bodies_are_refused_announced_or_not() -> None:
    """Before they are read to their end."""
    place = Place(options=replace(OPTIONS, body_bytes=BODY))

    async def pieces():
        for _ in range(100):
            yield b"x" * 1000

    async with place.client() as client:
        for body in (b"x" * (BODY + 1), pieces()):
            answer = await client.post("/v1/lookup", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 413
            assert answer.headers["Content-Type"] == "application/problem+json"


async def test_nothing_comes_from_elsewhere(place: Place) -> None:
    """The page runs no inline or foreign script: neither its policy nor any of its files would have one."""
    async with place.client(token=None) as client:
        page = await client.get("/")
        tag = page.headers["ETag"]
        assert (await client.get("/", headers={"If-None-Match": tag})).status_code == 304
        profile = await client.get("/v1/profiles/user-1")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert profile.headers["Cache-Control"] == "no-store"
    for file in (Path(api.__file__).parent / "page").iterdir():
        text = file.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in text, file.name
        assert "https://" not in text, file.name
        assert "innerHTML" not in text.partition("\n")[2], file.name


async def test_drift_of_all_models_is_one_history(place: Place) -> None:
    """The newest model's state, everybody's alarms, and a marker for each model."""
    await place.drift.publish("encoder-v1", drift(alarm=True) | {"model": "encoder-v1", "since": 1})
    await place.drift.publish("encoder-v2", drift(alarm=False))
    async with place.client() as client:
        found = (await client.get("/v1/drift")).json()
    assert (found["state"], found["model"]) == ("calm", "encoder-v2")
    assert [one["model"] for one in found["models"]] == ["encoder-v2", "encoder-v1"]
    assert len(found["alarms"]) == 3
    assert found["alarms"] == sorted(found["alarms"], key=lambda alarm: -alarm["time"])


async def test_a_damaged_report_is_said_so(place: Place) -> None:
    """Not a mistake of ours, and the rest goes on."""
    await place.artefacts.put(NAME, b"{")
    async with place.client() as client:
        answer = await client.get("/v1/learning")
    assert answer.status_code == 503
    assert "training" in answer.json()["detail"]


async def test_metrics_count_by_route_and_not_by_user(place: Place) -> None:
    """A path with an id in it is one series, however many users there are."""
    async with place.client() as client:
        for user in range(5):
            await client.get(f"/v1/profiles/user-{user}")
        await client.get("/nothing/here")
        text = (await client.get("/metrics")).text
    assert 'profilestream_api_requests_total{method="GET",route="/v1/profiles/{user}",status="200"} 5.0' in text
    assert "user-1" not in text
    assert "nothing" not in text
    assert "profilestream_api_indexed_users 7.0" in text
