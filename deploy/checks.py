"""What `profilestream doctor` looks at. A check returns what it found, or raises with what to do."""

import platform
import sys
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, cast

import faust.streams
from redis.asyncio import RedisCluster

from ..inference.client import TritonEmbedder
from ..inference.repository import open_model
from ..schemas.errors import ArtefactError, ConfigurationError, ProfilestreamError, SetupError
from ..stream.kafka.reader import reader
from ..stream.store.models import RedisModelStore, load_models
from ..stream.store.redis import RedisStore, translated
from ..stream.worker.status import read_statuses
from . import publishing, wiring
from .settings import Settings
from .topics import TOPICS

QUICKLY = 3.0  # seconds that a check waits for an answer
Infos = dict[str, dict[str, Any]]  # what nodes say of themselves, by address
FAILURES = (ProfilestreamError,)


async def python(_settings: Settings) -> str:
    """The interpreter."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 12):
        raise SetupError(f"Python {platform.python_version()} is not supported: use 3.11 or 3.12")
    return f"{platform.python_version()} on {platform.system()} {platform.machine()}"


async def packages(_settings: Settings) -> str:
    """The libraries whose version matters."""
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise SetupError("faust-streaming is a pure-Python build, which loses messages: install its wheel")
    names = ("profilestream", "faust-streaming", "aiokafka", "tritonclient", "numpy")
    return ", ".join(f"{name} {version(name)}" for name in names)


async def home(settings: Settings) -> str:
    """The folder for what is prepared."""
    return str(wiring.home(settings))


async def encoder(settings: Settings) -> str:
    """The prepared model on disk, checksums included."""
    model = open_model(wiring.repository(settings) / settings.model)
    return f"{model.manifest.model}, {model.manifest.dimensions} dimensions, {model.manifest.precision}"


async def kafka(settings: Settings) -> str:
    """The broker and its topics."""
    async with reader(wiring.kafka(settings), start="latest") as consumer:
        there = await consumer.topics()
    missing = [topic.name for topic in TOPICS if topic.name not in there]
    if missing:
        raise ConfigurationError(f"no topic {', '.join(missing)}: `profilestream prepare --publish` makes them")
    return f"{settings.kafka_bootstrap}, {len(TOPICS)} topics"


async def redis(settings: Settings) -> str:
    """The store, that it is of the kind that the settings say, and that it never evicts a profile."""
    store = wiring.store(settings)
    try:
        with translated():
            return await (_cluster(store) if settings.redis_cluster else _one_server(store))
    finally:
        await store.close()


async def _one_server(store: RedisStore) -> str:
    server, memory = await store.client.info("server"), await store.client.info("memory")
    if "cluster" in {server.get("redis_mode"), server.get("server_mode")}:
        raise ConfigurationError("Redis is a cluster, where profiles have other keys: set PROFILESTREAM_REDIS_CLUSTER")
    _refuse_eviction("Redis", memory)
    return f"{_version(server)}, {memory['used_memory_human']} used"


async def _cluster(store: RedisStore) -> str:
    """All primaries; that all slots are theirs, its client insists on."""
    client = cast("RedisCluster", store.client)
    nodes = client.PRIMARIES
    servers = cast("Infos", await client.info("server", target_nodes=nodes))
    memories = cast("Infos", await client.info("memory", target_nodes=nodes))
    for name, memory in memories.items():
        _refuse_eviction(f"Redis at {name}", memory)
    used = sum(memory["used_memory"] for memory in memories.values()) / 2**20
    return f"{_version(next(iter(servers.values())))}, cluster of {len(servers)}, {used:,.0f} MiB used"


def _refuse_eviction(name: str, memory: Mapping[str, Any]) -> None:
    # What is evicted by the other policies has an expiry, as profiles have not.
    if str(memory.get("maxmemory_policy")).startswith("allkeys"):
        raise ConfigurationError(f"{name} may evict profiles: set its maxmemory-policy to noeviction")


def _version(server: Mapping[str, Any]) -> str:
    name = "Valkey" if "valkey_version" in server else "Redis"
    return f"{name} {server.get('valkey_version') or server['redis_version']}"


async def triton(settings: Settings) -> str:
    """The inference server and the model in it."""
    if settings.triton_url is None:
        return "not used, the encoder runs in the worker (set PROFILESTREAM_TRITON_URL)"
    client = TritonEmbedder(settings.triton_url, await wiring.champion(settings))
    try:
        await client.wait_ready(QUICKLY)
    finally:
        await client.close()
    return f"{settings.triton_url} serves {client.model}, {client.dimensions} dimensions"


async def models(settings: Settings) -> str:
    """The encoder that answers, its codebook and heads in Redis."""
    encoder = await wiring.champion(settings)
    promoted = publishing.registry(settings).book().champion
    if promoted not in {None, encoder}:
        raise ArtefactError(f"workers use {encoder}, promoted is {promoted}: run `profilestream models resume`")
    store = wiring.store(settings)
    try:
        found = await load_models(RedisModelStore(store.client), encoder)
    finally:
        await store.close()
    heads = ", ".join(f"{head.task} v{head.version}" for head in found.heads.values()) or "none yet"
    return f"{encoder}: {len(found.codebook.codes)} codes; heads: {heads}"


async def workers(settings: Settings) -> str:
    """Workers that spoke lately."""
    store = wiring.store(settings)
    try:
        statuses = await read_statuses(store.client)
    finally:
        await store.close()
    if not statuses:
        raise SetupError("no worker runs: start one with `profilestream worker`")
    return ", ".join(f"{name}: {len(status['partitions'])} partitions" for name, status in statuses.items())


async def servers(settings: Settings) -> None:
    """What a process of ours needs at its start: once it runs, it waits for servers that are away.

    Raises:
        UnavailableError: Redis or Kafka does not answer.
        ConfigurationError: Redis evicts profiles or is not of the kind that the settings say, or topics are missing.
    """
    await redis(settings)
    await kafka(settings)


CHECKS: dict[str, Callable[[Settings], Awaitable[str]]] = {
    "Python": python,
    "packages": packages,
    "home": home,
    "encoder": encoder,
    "Kafka": kafka,
    "Redis": redis,
    "Triton": triton,
    "models": models,
    "workers": workers,
}
