"""Who may do what."""

from dataclasses import replace

import httpx
import pytest

from profilestream.schemas.errors import ConfigurationError
from profilestream.stream.api.limiter import RateLimiter
from profilestream.stream.api.tokens import find, new_token, parse_tokens
from tests.stream.api.place import ADMIN, OPTIONS, READ, TOKENS, Place, bearer

FREE = {"/live", "/ready"}


def routes() -> list[tuple[str, str]]:
    """Method and path of everything that the description lists."""
    paths = Place().app.openapi()["paths"]
    return [(method.upper(), path) for path, methods in paths.items() for method in methods]


@pytest.mark.parametrize(("method", "path"), routes())
async def test_nothing_personal_without_a_token(method: str, path: str) -> None:
    """Every route but the two for orchestrators answers 401, with the way in; a new route cannot forget to."""
    async with Place().client(token=None) as client:
        answer = await client.request(method, path.format(user="ada", label="cats"), json={"users": ["ada"]})
    if path in FREE:
        assert answer.status_code == 200
        return
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json()) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize("header", ["Bearer wrong", f"Basic {READ}", "Bearer", READ, "Bearer \xff"])
async def test_a_wrong_token_is_none(place: Place, header: str) -> None:
    """Whatever is sent in its place."""
    async with place.client(token=None) as client:
        answer = await client.get("/v1/stream", headers={"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


async def test_reading_is_not_administering(place: Place) -> None:
    """A token with the scope read cannot roll back; an admin's may also read."""
    async with place.client() as client:
        assert (await client.post("/v1/models/rollback")).status_code == 403
        assert (await client.get("/v1/models", headers=bearer(ADMIN))).status_code == 200
        assert (await client.post("/v1/models/rollback", headers=bearer(ADMIN))).status_code == 409


@pytest.mark.parametrize(
    ("client", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {"Host": "[::1]:8080"}, 200),
        ("127.0.0.1", {"Host": "localhost:8080"}, 200),
        ("10.0.0.7", {}, 401),
        ("127.0.0.1", {"Host": "evil.example"}, 401),  # a page elsewhere whose name was made to point here
        ("127.0.0.1", {"X-Forwarded-For": "10.0.0.7"}, 401),  # a proxy on this machine
    ],
)
async def test_open_on_loopback_means_programs_here(client: str, headers: dict[str, str], status: int) -> None:
    """Only for whoever asks from this machine, for this server, and only for reading."""
    place = Place(options=replace(OPTIONS, open_on_loopback=True))
    transport = httpx.ASGITransport(place.app, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as asking:
        assert (await asking.get("/v1/stream")).status_code == status
        assert (await asking.post("/v1/models/rollback")).status_code == 401


async def test_asking_too_often_is_refused_for_a_while() -> None:
    """Each token has its own rate; the answer says when to come back."""
    place = Place(options=replace(OPTIONS, rate=3.0))
    async with place.client() as client:
        answers = [await client.get("/live") for _ in range(9)]
        answers += [await client.get("/v1/stream") for _ in range(9)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert int(refused[0].headers["Retry-After"]) >= 1
        assert (await client.get("/v1/stream", headers=bearer(ADMIN))).status_code == 200


def test_a_bucket_fills_again() -> None:
    """A second's worth at once, then one for each that time gives."""
    now = [0.0]
    limiter = RateLimiter(10.0, clock=lambda: now[0])
    assert [limiter.wait("a") for _ in range(10)] == [0.0] * 10
    assert limiter.wait("a") == pytest.approx(0.1)
    assert limiter.wait("b") == 0.0
    now[0] += 0.25
    assert [limiter.wait("a") > 0 for _ in range(3)] == [False, False, True]


def test_tokens_are_kept_as_hashes() -> None:
    """What is made can be found by the token alone, and the settings' text and repr do not hold it."""
    token, digest = new_token()
    tokens = parse_tokens(f" ann:read:{digest} , bob:admin:{'0' * 64}")
    assert [(known.name, known.scope) for known in tokens] == [("ann", "read"), ("bob", "admin")]
    assert find(tokens, token) == tokens[0]
    assert find(tokens, digest) is None
    assert token not in repr(tokens)
    assert digest not in repr(tokens)


@pytest.mark.parametrize("text", ["ann:read:secret", "ann:write:" + "0" * 64, "a b:read:" + "0" * 64, "secret"])
def test_tokens_of_another_form_are_refused_without_repeating_them(text: str) -> None:
    """A mistyped secret does not end in a log."""
    with pytest.raises(ConfigurationError) as refused:
        parse_tokens(text)
    assert "secret" not in str(refused.value)


def test_two_tokens_of_one_name_are_refused() -> None:
    """They would share a rate, and logs could not tell them apart."""
    entry = f"ann:read:{TOKENS[0].digest.hex()}"
    with pytest.raises(ConfigurationError, match="same name"):
        parse_tokens(f"{entry},{entry}")
