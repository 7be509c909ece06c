"""A worker process: opens the connections, runs the app, stops it in bounded time."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress

import structlog

from ...inference.breaker import Breakers
from ...inference.pool import EncoderPool
from ...schemas.errors import ConfigurationError, StuckError, UnavailableError
from ...schemas.events import DriftReport, ProfileUpdate
from ...schemas.wire import Wire
from ..engine.analysis import Analyser
from ..engine.apply import Applier
from ..engine.engine import Counters, Engine
from ..engine.observing import Observers, Watch, keep_running
from ..engine.ports import Outgoing, Sink
from ..kafka.connection import KafkaConnection
from ..kafka.sink import KafkaSink
from ..kafka.transactions import TransactionalSink
from ..metrics.endpoint import Endpoint
from ..metrics.metrics import Metrics, Sample
from ..profile.layout import Layout
from ..redaction import Redactor
from ..store.base import ProfileStore
from ..store.models import RedisModelStore
from ..store.redis import RedisStore
from .app import ProfileApp, bounded, create_app
from .health import Health
from .host import Host
from .instruments import Instruments, PrometheusTimings
from .lag import Lag
from .models import CurrentModels, follow_model_events, follow_pointer
from .options import WorkerOptions
from .source import BatchSource
from .status import describe, publish_status
from .watchdog import EXIT_STATUS

GRACE = 5.0  # seconds beyond `shutdown_seconds` for a worker that hangs to close what it has

log = structlog.get_logger(__name__)

Tell = Callable[[DriftReport], Awaitable[None]]
Watches = Callable[[RedisStore, EncoderPool, Tell], Sequence[Watch]]


async def run_worker(
    options: WorkerOptions,
    *,
    connection: KafkaConnection,
    store: RedisStore,
    encoders: EncoderPool,
    stop: asyncio.Event,
    wire: Wire | None = None,
    engine: Callable[..., Engine] = Engine,
    applier: Callable[[ProfileStore, Layout, Breakers], Applier] = Applier,
    watches: Watches = lambda store, encoders, tell: (),  # noqa: ARG005
) -> None:
    """Run a worker until `stop` is set; then finish what is in flight, acknowledge and leave the group.

    Args:
        options: What it does.
        connection: Kafka.
        store: Redis.
        encoders: Opens the encoders that come into use.
        stop: Ends it.
        wire: How records are written.
        engine: Makes what moves records; another one than this is for tests that put a defect there on purpose.
        applier: Makes what applies them, likewise.
        watches: Makes those who look at the stream; what they report goes to `drift-reports`.

    Raises:
        ProfilestreamError: It cannot start, or it cannot go on.
    """
    wire = wire or Wire()
    failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # What hangs may also keep us from ending.
    last_resort = threading.Timer(options.shutdown_seconds + GRACE, os._exit, (EXIT_STATUS,))
    last_resort.daemon = True

    def failed(error: BaseException) -> None:
        if isinstance(error, StuckError):
            last_resort.start()
        if not failure.done():
            failure.set_exception(error)

    counters, breakers, metrics = Counters(), Breakers(), Metrics()
    models = CurrentModels(RedisModelStore(store.client), options.model, encoders)
    async with AsyncExitStack() as stack:
        stack.callback(last_resort.cancel)
        stack.push_async_callback(store.close)
        stack.push_async_callback(encoders.close)
        stack.push_async_callback(wire.close)
        await breakers.registry.call(lambda: wire.register(ProfileUpdate, options.outputs.updates))
        await models.load()
        sink = await KafkaSink.connect(connection, idempotent=options.idempotent)
        stack.push_async_callback(sink.close)
        fence = await _fence(options, connection, sink)
        if fence:
            stack.push_async_callback(fence.close)
        await breakers.registry.call(lambda: wire.register(DriftReport, options.drift_reports))
        watching = watches(store, encoders, lambda report: _tell(report, sink, wire, options.drift_reports))
        metrics.read_from(lambda: (Sample(*figure) for watch in watching for figure in watch.figures()))
        make = _engines(
            options,
            store,
            encoders,
            fence or sink,
            models,
            counters,
            wire,
            breakers,
            metrics,
            engine=engine,
            applier=applier,
            observers=Observers(watching),
        )
        # What a fetch brought waits in several places, so it is half a batch: of the next one at most a batch waits.
        fetch_events = -(-options.batches.events // 2)
        host = Host(make, fetch_events, failed, breakers, fence)
        app = create_app(
            group=options.group,
            topic=options.events,
            connection=connection,
            host=host,
            watermarks=lambda: breakers.store.call(store.watermarks),
            session_timeout=options.session_timeout,
            rebalance_timeout=options.rebalance_timeout,
            instance=options.instance,
            fetch_wait=options.fetch_wait,
            fetch_events=fetch_events,
        )
        host.acknowledge = app.acknowledge
        lag = Lag(options.group, options.events, lambda: host.partitions, app.position)
        health = Health(
            options.health,
            counters=counters,
            breakers=breakers,
            host=host,
            lag=lag,
            store=store,
            encoders=encoders,
        )
        Instruments(
            counters=counters,
            breakers=breakers,
            lag=lag,
            watchdog=health.watchdog,
            partitions=lambda: len(host.partitions),
            waiting=host.waiting,
            models=lambda: models.serving().sets,
            encoders=encoders,
        ).attach(metrics)
        endpoint = await Endpoint.start(
            metrics,
            host=options.health.host,
            port=options.health.port,
            live=health.live,
            ready=lambda: health.ready(models.serving()),
        )
        stack.push_async_callback(endpoint.close)
        log.info("health endpoint", live=f"{endpoint.address}/live", metrics=f"{endpoint.address}/metrics")
        background = [
            asyncio.create_task(health.watchdog.run(), name="watchdog"),
            asyncio.create_task(lag.follow(connection), name="lag"),
            asyncio.create_task(follow_model_events(connection, options.model_events, models, wire)),
            asyncio.create_task(follow_pointer(models)),
            asyncio.create_task(_report(store, counters, host, models, encoders, health, endpoint)),
            *[asyncio.create_task(keep_running(watch)) for watch in watching],
        ]
        for task in background:
            stack.callback(task.cancel)
            task.add_done_callback(lambda task: failed(e) if not task.cancelled() and (e := task.exception()) else None)
        await _run_app(app, options.shutdown_seconds, stop, failure)
        log.info("worker stopped", applied=counters.applied, skipped=counters.skipped)


async def _fence(options: WorkerOptions, connection: KafkaConnection, sink: KafkaSink) -> TransactionalSink | None:
    """A sink that a predecessor cannot write beside, where it is wanted and the broker can."""
    if options.transactional is False:
        return None
    if await TransactionalSink.supported(connection):
        return TransactionalSink(connection, options.group, sink)
    if options.transactional:
        raise ConfigurationError("kafka_transactional: this broker has no transactions; leave the setting out")
    log.info("no transactions here: a worker that hangs for long may publish an old revision when it wakes up")
    return None


def _engines(
    options: WorkerOptions,
    store: RedisStore,
    encoders: EncoderPool,
    sink: Sink,
    models: CurrentModels,
    counters: Counters,
    wire: Wire,
    breakers: Breakers,
    metrics: Metrics,
    *,
    engine: Callable[..., Engine],
    applier: Callable[[ProfileStore, Layout, Breakers], Applier],
    observers: Observers,
) -> Callable[[BatchSource], Engine]:
    timings = PrometheusTimings(metrics)
    analyser = Analyser(encoders, models.serving, Redactor(), options.limits, options.layout, wire, breakers, timings)
    made = applier(store, options.layout, breakers)
    return lambda source: engine(
        source=source,
        sink=sink,
        analyser=analyser,
        applier=made,
        store=store,
        limits=options.batches,
        topics=options.outputs,
        counters=counters,
        wire=wire,
        breakers=breakers,
        timings=timings,
        observers=observers,
    )


async def _tell(report: DriftReport, sink: Sink, wire: Wire, topic: str) -> None:
    await sink.publish([Outgoing(topic, report.model.encode(), wire.encode(report))])


async def _run_app(app: ProfileApp, patience: float, stop: asyncio.Event, failure: "asyncio.Future[None]") -> None:
    stopping = asyncio.ensure_future(stop.wait())
    crashed = asyncio.ensure_future(app.wait_until_stopped())
    try:
        await app.start()
        await asyncio.wait({stopping, failure, crashed}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        at_the_end = stopping.done() and not app.crash_reason
        stopping.cancel()
        if failure.done():
            app.abandon()  # nobody is left to finish it
        async with bounded(patience, app.give_up):
            await app.stop()
        app.abandon()
        crashed.cancel()
    if failure.done():
        failure.result()
    if error := app.crash_reason:
        if not at_the_end:
            raise error
        log.warning("trouble while stopping", error=repr(error))  # what was not committed is read again, and skipped


async def _report(
    store: RedisStore,
    counters: Counters,
    host: Host,
    models: CurrentModels,
    encoders: EncoderPool,
    health: Health,
    endpoint: Endpoint,
) -> None:
    while True:
        status = describe(counters, host.partitions, models.serving(), encoders.served)
        status |= {"breakers": health.breakers(), "health": endpoint.address}
        with suppress(UnavailableError):  # the engine says so already
            await publish_status(store.client, "worker", status)
        await asyncio.sleep(1.0)
