"""What a worker tells Prometheus: read at each scrape from what it counts anyway."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import get_args

from ...inference.breaker import Breakers, State
from ...inference.models import ModelSet
from ...inference.pool import EncoderPool
from ..engine.engine import Counters
from ..engine.timings import Stage, Timings
from ..metrics.metrics import Metrics, Sample
from .lag import Lag
from .watchdog import Watchdog


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruments:
    """Where the values are.

    Attributes:
        counters: The engine's.
        breakers: Of its services.
        lag, watchdog: The worker's.
        partitions: How many it has.
        waiting: Events that were handed over and are not yet acknowledged.
        models: Those in use.
        encoders: Those that are open.
    """

    counters: Counters
    breakers: Breakers
    lag: Lag
    watchdog: Watchdog
    partitions: Callable[[], int]
    waiting: Callable[[], int]
    models: Callable[[], Iterable[ModelSet]]
    encoders: EncoderPool

    def attach(self, metrics: Metrics) -> None:
        """Let them be read whenever Prometheus asks."""
        metrics.read_from(self.read)

    def read(self) -> Iterator[Sample]:
        """All values now."""
        yield from self._stream()
        yield from self._services()
        for models in self.models():
            yield Sample("profilestream_model_info", 1, (models.encoder, ""))
            for task, head in models.heads.items():
                yield Sample("profilestream_model_info", 1, (f"{models.encoder}/{task}", str(head.version)))

    def _stream(self) -> Iterator[Sample]:
        counters = self.counters
        yield Sample("profilestream_events_total", counters.applied, ("applied",))
        yield Sample("profilestream_events_total", counters.skipped, ("skipped",))
        yield Sample("profilestream_events_total", counters.dead_letters.total(), ("dead_letter",))
        for reason, count in counters.dead_letters.items():
            yield Sample("profilestream_dead_letters_total", count, (reason,))
        yield Sample("profilestream_updates_total", counters.updates)
        yield Sample("profilestream_events_in_flight", self.waiting())
        yield Sample("profilestream_partitions", self.partitions())
        yield Sample("profilestream_quiet_seconds", self.watchdog.quiet_seconds)
        for partition, behind in self.lag.partitions.items():
            yield Sample("profilestream_lag_events", behind.events, (partition,))
            yield Sample("profilestream_commit_age_seconds", behind.commit_age, (partition,))

    def _services(self) -> Iterator[Sample]:
        for model, cache in self.encoders.caches.items():
            yield Sample("profilestream_cache_texts_total", cache.hits, (model, "hit"))
            yield Sample("profilestream_cache_texts_total", cache.misses, (model, "miss"))
        for model, served in self.encoders.served.items():
            yield Sample("profilestream_encoder_calls_total", served.calls - served.failures, (model, "answered"))
            yield Sample("profilestream_encoder_calls_total", served.failures, (model, "failed"))
        for breaker in self.breakers:
            yield Sample("profilestream_service_failures_total", breaker.failures_total, (breaker.service,))
            for state in State:
                yield Sample("profilestream_breaker_state", breaker.state is state, (breaker.service, state.value))


class PrometheusTimings(Timings):
    """Observes what the engine measures.

    Args:
        metrics: Of the worker.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._stages = {
            stage: metrics.histogram("profilestream_stage_seconds", stage=stage) for stage in get_args(Stage)
        }
        self._events = metrics.histogram("profilestream_batch_events")
        self._latency = metrics.histogram("profilestream_event_to_update_seconds")

    def observe(self, stage: Stage, seconds: float) -> None:
        """See Timings."""
        self._stages[stage].observe(seconds)

    def finished(self, events: int, seconds: float) -> None:
        """See Timings."""
        self._events.observe(events)
        self._latency.observe(seconds)
