"""What a worker is told when it starts."""

from dataclasses import dataclass, field

from ...schemas.validation import Limits
from ..engine.engine import BatchLimits, OutputTopics
from ..profile.layout import Layout
from .health import HealthOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerOptions:
    """What a worker does, and how much at once.

    Attributes:
        group: Consumer group.
        model: The encoder to use until another is published.
        events, model_events: Topics that it reads.
        drift_reports: Where alarms of drift and trends go.
        outputs: Topics that it writes.
        batches, limits, layout: See their classes.
        idempotent: See `KafkaSink.connect`.
        transactional: Publish updates in transactions, see `TransactionalSink`; None: where the broker can.
        session_timeout, rebalance_timeout, instance, fetch_wait: See `create_app`.
        shutdown_seconds: After SIGTERM, so long is what is in flight given to finish.
        health: How it is watched.
    """

    group: str = "profilestream"
    model: str = "encoder-v1"
    events: str = "user-events"
    model_events: str = "model-events"
    drift_reports: str = "drift-reports"
    outputs: OutputTopics = field(default_factory=OutputTopics)
    batches: BatchLimits = field(default_factory=BatchLimits)
    limits: Limits = field(default_factory=Limits)
    layout: Layout = field(default_factory=Layout)
    idempotent: bool | None = None
    transactional: bool | None = None
    session_timeout: float = 10.0
    rebalance_timeout: float = 6.0
    instance: str | None = None
    fetch_wait: float = 0.5
    shutdown_seconds: float = 10.0
    health: HealthOptions = field(default_factory=HealthOptions)
