"""From settings to the parts: the only place that knows both."""

from ..inference.cache import CachedEmbedder
from ..inference.client import TritonEmbedder
from ..inference.embedder import Embedder
from ..inference.local import LocalEmbedder
from ..schemas.validation import Limits
from ..stream.engine.engine import BatchLimits
from ..stream.kafka.connection import KafkaConnection
from ..stream.profile.layout import Layout
from ..stream.store.redis import RedisStore
from ..stream.worker.worker import WorkerOptions
from .prepare import model_folder
from .settings import Settings


def kafka(settings: Settings) -> KafkaConnection:
    """How to reach Kafka."""
    password = settings.kafka_sasl_password
    return KafkaConnection(
        bootstrap=settings.kafka_bootstrap,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism or "PLAIN",
        username=settings.kafka_sasl_username,
        password=password.get_secret_value() if password else None,
        cafile=str(settings.kafka_ssl_cafile) if settings.kafka_ssl_cafile else None,
    )


def store(settings: Settings) -> RedisStore:
    """Redis."""
    return RedisStore.connect(settings.redis_url.get_secret_value())


def embedder(settings: Settings) -> Embedder:
    """The encoder: Triton where an address is given, otherwise in this process; behind a cache."""
    inner: Embedder
    if settings.triton_url:
        inner = TritonEmbedder(settings.triton_url, settings.model, deadline=settings.embed_deadline)
    else:
        inner = LocalEmbedder(model_folder(settings))
    return CachedEmbedder(inner, settings.cache_texts)


def layout(settings: Settings) -> Layout:
    """What a profile remembers."""
    return Layout(
        half_lives=(settings.half_life_short * 1000, settings.half_life_long * 1000), codes=settings.codes_per_profile
    )


def worker_options(settings: Settings) -> WorkerOptions:
    """What a worker does."""
    return WorkerOptions(
        group=settings.group,
        batches=BatchLimits(
            events=settings.batch_events, seconds=settings.batch_seconds, in_flight=settings.batches_in_flight
        ),
        limits=Limits(
            earliest=settings.earliest_time,
            future_tolerance=settings.future_tolerance,
            max_text=settings.max_text,
        ),
        layout=layout(settings),
        idempotent=settings.kafka_idempotent,
        shutdown_seconds=settings.shutdown_seconds,
    )
