"""The API process: an app, what feeds it, and a server on a socket of its own."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import structlog
import uvicorn
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ..inference.client import TritonEmbedder
from ..schemas.errors import ArtefactError, ConfigurationError, SetupError
from ..schemas.events import ModelEvent
from ..schemas.wire import Wire
from ..stream.api.answers import ModelMoment
from ..stream.api.app import create_app
from ..stream.api.monitor import Monitor, Probe
from ..stream.api.publishing import Publications, Publishing, Timeline
from ..stream.api.services import Services, Sources
from ..stream.api.source import follow_topic, follow_updates
from ..stream.recovery.look import Observer
from ..stream.recovery.scan import scanner
from ..stream.store.drift import RedisDriftStore
from ..stream.store.models import RedisModelStore
from ..stream.store.redis import RedisStore
from ..stream.trends.store import RedisTrendStore
from ..stream.worker.models import CurrentModels
from . import publishing, wiring
from .settings import Settings
from .topics import MODEL_EVENTS, PROFILE_UPDATES, USER_EVENTS

_LOOPBACK = ("127.", "::1", "localhost")
_CONNECTIONS = 16
_STORE_SECONDS = 2.0  # a reader would rather hear "try again"
_AGAIN = 2.0  # seconds between attempts to load models
_STOP_SECONDS = 5
_TRITON_SECONDS = 2.0

log = structlog.get_logger(__name__)


def listen(settings: Settings) -> socket.socket:
    """A socket where the settings want it.

    Raises:
        ConfigurationError: Nobody could ask anything: there are no tokens.
        SetupError: The address cannot be had.
    """
    if settings.api_tokens is None and not settings.api_open_on_loopback:
        raise ConfigurationError(
            "nobody may read: make a token (`profilestream token NAME`) and set PROFILESTREAM_API_TOKENS,\n"
            "or PROFILESTREAM_API_OPEN_ON_LOOPBACK=true for programs on this machine"
        )
    if not settings.api_host.startswith(_LOOPBACK):
        log.warning("the API listens beyond this machine, without TLS: put a proxy with TLS before it")
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    try:
        return socket.create_server((settings.api_host, settings.api_port), family=family, backlog=2048)
    except OSError as error:
        raise SetupError(
            f"cannot listen on {settings.api_host} port {settings.api_port} ({error.strerror}): "
            "set PROFILESTREAM_API_HOST or PROFILESTREAM_API_PORT"
        ) from error


def address(listening: socket.socket) -> str:
    """Where a browser finds it."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"


async def serve(settings: Settings, listening: socket.socket, stop: asyncio.Event) -> None:
    """Answer until `stop` is set.

    Args:
        settings: Where everything is.
        listening: See `listen`.
        stop: Then live streams are ended, and what is being answered is finished.
    """
    store = _store(settings)
    monitor = Monitor(lambda: _observer(settings, store), _probes(settings, store))
    timeline = Timeline()
    artefacts = RedisModelStore(store.client)
    models = CurrentModels(artefacts, settings.model)
    sources = Sources(
        store=store,
        models=models,
        layout=wiring.layout(settings),
        health=monitor.health,
        drift=RedisDriftStore(store.client),
        trends=RedisTrendStore(store.client),
        artefacts=artefacts,
        publishing=Publishing(publications=partial(_published, settings), rollback=partial(_roll_back, settings)),
        timeline=timeline,
    )
    services = Services(wiring.api_options(settings), sources)
    wire = wiring.wire(settings)
    works = [
        monitor.run(),
        follow_updates(wiring.kafka(settings), PROFILE_UPDATES, wire, services.feed),
        _follow_models(settings, wire, models, timeline),
        _settle(services),
    ]
    background = [asyncio.ensure_future(work) for work in works]
    try:
        await _answer(services, listening, stop, background)
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await wire.close()
        await store.close()


def _store(settings: Settings) -> RedisStore:
    """Few connections, for which reads wait their turn: a burst must not become as many connections to Redis."""
    if settings.redis_cluster:  # its store sees to that by itself
        return wiring.store(settings, _STORE_SECONDS)
    pool = BlockingConnectionPool.from_url(
        settings.redis_url,
        max_connections=_CONNECTIONS,
        timeout=_STORE_SECONDS,
        socket_timeout=_STORE_SECONDS,
        socket_connect_timeout=_STORE_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return RedisStore(Redis.from_pool(pool))


async def _answer(
    services: Services, listening: socket.socket, stop: asyncio.Event, background: Sequence[asyncio.Future[Any]]
) -> None:
    """Serve until it is to stop, or something in the background fails."""
    server = _Server(
        uvicorn.Config(
            create_app(services),
            http="httptools",
            access_log=False,  # who reads whose profile is nobody else's business
            log_config=None,
            proxy_headers=False,
            server_header=False,
            lifespan="off",
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )
    serving: asyncio.Future[Any] = asyncio.ensure_future(server.serve([listening]))
    stopping: asyncio.Future[Any] = asyncio.ensure_future(stop.wait())
    try:
        done, _ = await asyncio.wait([serving, stopping, *background], return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopping.cancel()
        services.hub.close()
        server.should_exit = True
        await serving
    for task in done & set(background):
        task.result()


async def _follow_models(settings: Settings, wire: Wire, models: CurrentModels, timeline: Timeline) -> None:
    """The timeline from the beginning, and the models that are in use now."""
    loaded = asyncio.Event()

    async def load() -> None:
        while not loaded.is_set():
            try:
                await models.load()
                loaded.set()
            except ArtefactError as error:
                log.warning("no models yet", error=str(error))
                await asyncio.sleep(_AGAIN)

    async def take(event: ModelEvent) -> None:
        await timeline.take(event)
        if loaded.is_set():
            await models.take(event)

    await follow_topic(wiring.kafka(settings), MODEL_EVENTS, wire, ModelEvent, take, load)


async def _settle(services: Services) -> None:
    """When the index is full, keep the garbage collector from walking through it again and again."""
    await services.feed.caught_up.wait()
    gc.collect()
    gc.freeze()
    await asyncio.Event().wait()


@asynccontextmanager
async def _observer(settings: Settings, store: RedisStore) -> AsyncIterator[Observer]:
    async with scanner(wiring.kafka(settings)) as kafka:
        yield Observer(kafka, store, settings.group, USER_EVENTS)


async def _published(settings: Settings) -> Publications:
    """The registry on this machine's disk; empty where encoders are published from another one."""
    book = await asyncio.to_thread(publishing.registry(settings).book)
    moments = [
        ModelMoment(
            time=step.time,
            kind="encoder",
            name=version.name,
            version=None,
            detail=f"{step.state}: {step.reason}" if step.reason else step.state,
        )
        for version in book.versions.values()
        for step in version.history
    ]
    return Publications(
        champion=book.champion, encoders=tuple(book.versions), rollback_to=book.previous, moments=tuple(moments)
    )


async def _roll_back(settings: Settings) -> str:
    async with publishing.publisher(settings) as publisher:
        return (await publisher.rollback("asked for over the API")).name


def _probes(settings: Settings, store: RedisStore) -> dict[str, Probe]:
    probes: dict[str, Probe] = {"redis": store.check}
    if settings.triton_url:
        triton = TritonEmbedder(settings.triton_url, settings.model)
        probes["triton"] = lambda: triton.wait_ready(_TRITON_SECONDS)
    return probes


class _Server(uvicorn.Server):
    """Leaves signals to `run_until_signal`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """No handlers."""
        yield
