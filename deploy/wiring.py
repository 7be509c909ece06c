"""From settings to the parts: the only place that knows both."""

import os
from pathlib import Path

from pydantic import SecretStr

from ..inference.artefacts import sha256_hex
from ..inference.cache import CachedEmbedder
from ..inference.client import TritonEmbedder
from ..inference.embedder import Embedder
from ..inference.local import LocalEmbedder
from ..inference.pool import EncoderPool
from ..schemas.registry import SchemaRegistry
from ..schemas.wire import Wire
from ..stream.api.options import ApiOptions
from ..stream.api.tokens import parse_tokens
from ..stream.engine.engine import BatchLimits
from ..stream.kafka.connection import KafkaConnection
from ..stream.profile.layout import Layout
from ..stream.recovery.store import ErasableCluster, ErasableRedis
from ..stream.store.cluster import ClusterStore
from ..stream.store.models import RedisModelStore, champion_of
from ..stream.store.redis import RedisStore
from ..stream.worker.health import HealthOptions
from ..stream.worker.options import WorkerOptions
from .local.home import private_folder
from .local.runs import Addresses
from .settings import CONFIG_VARIABLE, PREFIX, Settings

TRITON_READY = 10.0  # seconds that a start waits for Triton


def home(settings: Settings) -> Path:
    """The data home, made where it is missing."""
    return private_folder(settings.home)


def repository(settings: Settings) -> Path:
    """Triton's model repository."""
    return private_folder(home(settings) / "models")


def learner_home(settings: Settings) -> Path:
    """Where the learner keeps what it learned: by default a folder for each pair of Kafka and Redis.

    Labels of one deployment never get into another's, e.g. from one run of a local stack into the next.
    """
    if settings.learner_home:
        return private_folder(settings.learner_home)
    servers = f"{','.join(sorted(settings.kafka_bootstrap.split(',')))} {settings.redis_url}"
    return private_folder(home(settings) / "learner" / sha256_hex(servers.encode())[:12])


# The embedded broker does not answer when something comes: it looks again after half of the wait that is left.
_EMBEDDED_FETCH_WAIT = 0.02


def at(settings: Settings, addresses: Addresses) -> Settings:
    """The settings, with the servers of a local stack in place of their own; a local stack has no schema registry."""
    return settings.model_copy(
        update={
            "kafka_bootstrap": addresses.kafka,
            "kafka_fetch_wait": settings.kafka_fetch_wait if settings.kafka_home else _EMBEDDED_FETCH_WAIT,
            "redis_url": addresses.redis,
            "redis_cluster": False,
            "triton_url": addresses.triton,
            "replication": 1,
            "schema_registry_url": None,
        }
    )


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a process of ours that is to have the same settings."""
    ours = {
        PREFIX + name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for name, value in settings
        if value is not None
    }
    # All is said: what is None here must not come back out of a file that the process would find.
    ours[CONFIG_VARIABLE] = os.devnull
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)} | ours


def kafka(settings: Settings) -> KafkaConnection:
    """How to reach Kafka."""
    password = settings.kafka_sasl_password
    return KafkaConnection(
        bootstrap=settings.kafka_bootstrap,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_sasl_username,
        password=password.get_secret_value() if password else None,
        cafile=str(settings.kafka_ssl_cafile) if settings.kafka_ssl_cafile else None,
    )


def wire(settings: Settings) -> Wire:
    """How records are written: with a schema registry where there is one."""
    if settings.schema_registry_url is None:
        return Wire()
    password = settings.schema_registry_password
    return Wire(
        SchemaRegistry(
            settings.schema_registry_url,
            user=settings.schema_registry_user,
            password=password.get_secret_value() if password else None,
        )
    )


def store(settings: Settings, timeout: float = 5.0) -> RedisStore:
    """Redis, or its cluster; waits so many seconds for an answer."""
    if settings.redis_cluster:
        return ClusterStore.connect(settings.redis_url, timeout)
    return RedisStore.connect(settings.redis_url, timeout)


def erasable_store(settings: Settings) -> ErasableRedis | ErasableCluster:
    """The same, for who removes profiles."""
    if settings.redis_cluster:
        return ErasableCluster.connect(settings.redis_url)
    return ErasableRedis.connect(settings.redis_url)


async def champion(settings: Settings) -> str:
    """The encoder that answers now: the one that was published last, before that the one of the settings.

    Raises:
        StoreUnavailableError: Redis does not answer.
        ArtefactError: The pointer in it is damaged.
    """
    profiles = store(settings)
    try:
        return await champion_of(RedisModelStore(profiles.client), settings.model)
    finally:
        await profiles.close()


def encoders(settings: Settings) -> EncoderPool:
    """Encoders by name: in Triton where an address is given, otherwise in this process; each behind a cache."""
    folder = repository(settings)

    def connect(model: str) -> Embedder:
        inner: Embedder
        if settings.triton_url:
            inner = TritonEmbedder(settings.triton_url, model, deadline=settings.embed_deadline)
        else:
            inner = LocalEmbedder(folder / model)
        return CachedEmbedder(inner, settings.cache_texts) if settings.cache_texts else inner

    return EncoderPool(connect)


async def embedder(settings: Settings) -> Embedder:
    """The encoder that answers now, for a program that stays with it; it alone is to be closed."""
    return await encoders(settings).open(await champion(settings))


def layout(settings: Settings) -> Layout:
    """What a profile remembers."""
    return Layout(
        half_lives=(settings.half_life_short * 1000, settings.half_life_long * 1000), codes=settings.codes_per_profile
    )


def api_options(settings: Settings) -> ApiOptions:
    """What the API may do.

    Raises:
        ConfigurationError: The tokens are not as they should be.
    """
    tokens = settings.api_tokens
    return ApiOptions(
        tokens=parse_tokens(tokens.get_secret_value()) if tokens else (),
        open_on_loopback=settings.api_open_on_loopback,
        rate=settings.api_rate_limit,
        index_users=settings.api_index_users,
        live_clients=settings.api_live_clients,
    )


def worker_options(settings: Settings) -> WorkerOptions:
    """What a worker does."""
    return WorkerOptions(
        group=settings.group,
        model=settings.model,
        batches=BatchLimits(
            events=settings.batch_events,
            seconds=settings.batch_seconds,
            in_flight=settings.batches_in_flight,
            target=settings.batch_target,
        ),
        limits=settings.limits,
        layout=layout(settings),
        idempotent=settings.kafka_idempotent,
        transactional=settings.kafka_transactional,
        session_timeout=settings.kafka_session_timeout,
        instance=settings.kafka_instance,
        fetch_wait=settings.kafka_fetch_wait,
        shutdown_seconds=settings.shutdown_seconds,
        health=HealthOptions(
            host=settings.health_host, port=settings.health_port, watchdog_seconds=settings.watchdog_seconds
        ),
    )
