"""Small model artefacts (heads, codebooks) where every worker can read them: in Redis, beside the profiles."""

from typing import Protocol, cast

import structlog
from redis.asyncio import Redis

from ...inference.artefacts import sha256_hex
from ...inference.codebook import Codebook
from ...inference.heads import Head
from ...inference.models import ModelSet
from ...inference.names import codebook_name, head_name, map_name, release_name, released_tasks
from ...inference.pointer import POINTER, Pointer
from ...inference.spaces import SpaceMap, Way, ways_to
from ...schemas.errors import ArtefactError
from .redis import translated

__all__ = ["MemoryModelStore", "ModelStore", "RedisModelStore", "codebook_name", "head_name", "load_models", "map_name"]

PREFIX = "profilestream:model:"

log = structlog.get_logger(__name__)


class ModelStore(Protocol):
    """Keeps one artefact a name, with its checksum. Both methods raise StoreUnavailableError: try again."""

    async def put(self, name: str, data: bytes) -> None:
        """Put an artefact in place of the one of this name, atomically."""

    async def get(self, name: str) -> bytes | None:
        """The artefact of this name, None where there is none.

        Raises:
            ArtefactError: It does not match its checksum.
        """

    async def names(self) -> list[str]:
        """All names."""
        ...


class MemoryModelStore:
    """The in-memory twin."""

    def __init__(self) -> None:
        self._artefacts: dict[str, bytes] = {}

    async def put(self, name: str, data: bytes) -> None:
        """See ModelStore."""
        self._artefacts[name] = data

    async def get(self, name: str) -> bytes | None:
        """See ModelStore."""
        return self._artefacts.get(name)

    async def names(self) -> list[str]:
        """See ModelStore."""
        return sorted(self._artefacts)


class RedisModelStore:
    """A ModelStore on a Redis server: a hash a name, with the data and its sha256."""

    def __init__(self, client: "Redis") -> None:
        self._client = client

    async def put(self, name: str, data: bytes) -> None:
        """See ModelStore."""
        with translated():
            await self._client.hset(PREFIX + name, mapping={"data": data, "sha256": sha256_hex(data)})

    async def get(self, name: str) -> bytes | None:
        """See ModelStore."""
        with translated():
            found = cast("list[bytes | None]", await self._client.hmget(PREFIX + name, ["data", "sha256"]))
        data, checksum = found
        if data is None:
            return None
        if checksum is None or sha256_hex(data) != checksum.decode():
            raise ArtefactError(f"{name} in Redis does not match its checksum; publish it again")
        return data

    async def names(self) -> list[str]:
        """See ModelStore."""
        with translated():
            return sorted([key.decode()[len(PREFIX) :] async for key in self._client.scan_iter(match=PREFIX + "*")])


async def champion_of(store: ModelStore, base: str) -> str:
    """The encoder that answers now; `base` before any was published.

    Raises:
        ArtefactError: The pointer is damaged.
    """
    data = await store.get(POINTER)
    return base if data is None else Pointer.from_bytes(data).champion


async def load_models(store: ModelStore, encoder: str) -> ModelSet:
    """The codebook of an encoder, all heads made for it and all ways to it; what is broken is left out, and said so.

    Raises:
        ArtefactError: There is no codebook, or it is broken.
    """
    data = await store.get(codebook_name(encoder))
    if data is None:
        raise ArtefactError(f"there is no codebook of {encoder} in Redis: run `profilestream prepare --publish` first")
    models = ModelSet(Codebook.from_bytes(data), ways=await load_ways(store, encoder))
    for name in await store.names():
        if name.startswith(head_name("", encoder)) and (head := await _head(store, name)):
            models = models.with_head(head)
    return models


async def load_release(store: ModelStore, encoder: str) -> ModelSet:
    """The same, of an encoder that is to come into use: with all heads that were released with it, or not at all.

    Raises:
        ArtefactError: A part of it is missing or broken.
    """
    models = await load_models(store, encoder)
    listed = await store.get(release_name(encoder))
    missing = released_tasks(listed) - models.heads.keys() if listed is not None else set()
    if missing:
        raise ArtefactError(
            f"{encoder} has no good head in Redis for {', '.join(sorted(missing))}: run `profilestream models resume`"
        )
    return models


async def _head(store: ModelStore, name: str) -> Head | None:
    """A head; None where it is not there any more, or broken: profiles are worth having without it."""
    try:
        data = await store.get(name)
        return None if data is None else Head.from_bytes(data)
    except ArtefactError as error:
        log.error("broken head left out", head=name, error=str(error))  # noqa: TRY400
        return None


async def load_ways(store: ModelStore, encoder: str) -> dict[str, Way]:
    """From each encoder that maps lead from: what carries its stored vectors into the space of `encoder`.

    A broken map is left out, and said so: vectors that need it wait where they are.
    """
    maps = [await _map(store, name) for name in await store.names() if name.startswith("map/")]
    return ways_to(encoder, [item for item in maps if item])


async def _map(store: ModelStore, name: str) -> SpaceMap | None:
    try:
        data = await store.get(name)
        return None if data is None else SpaceMap.from_bytes(data)
    except ArtefactError as error:
        log.error("broken map left out", map=name, error=str(error))  # noqa: TRY400
        return None
