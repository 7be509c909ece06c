"""Everything that faults can strike: broker, store, encoder, workers, and the stream that goes through them."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ...inference.models import ModelSet
from ...schemas.errors import SetupError, UnavailableError
from ...stream.simulation.workload import small_models
from ...stream.store.models import RedisModelStore, codebook_name, head_name
from ...stream.store.redis import RedisStore
from ...stream.worker.status import read_statuses
from .. import wiring
from ..local import kafka, tansu, triton, valkey
from ..local.home import private_folder
from ..local.process import Server
from ..local.report import Report, silent
from ..local.stack import Encoder, triton_server
from ..settings import Settings
from ..topics import ensure_topics
from .crew import Crew
from .load import Journal, Load
from .victim import Victim, steady_port, told_of_full_disks

_KEPT = 5  # folders of earlier runs
_WORKERS = 2
_START_SECONDS = 90.0


@dataclass(slots=True)
class World:
    """What there is.

    Attributes:
        settings: With the addresses of these servers.
        folder: Data and logs of all of them.
        broker, redis, triton: The servers; without a Triton the encoder runs in the workers.
        durable: Whether the broker keeps its data, and fences producers: Apache Kafka.
        crew: The workers.
        load, journal: The producer, and what it was told is written.
        models: What workers read texts with.
        stuck: How often the group stood still for so long that all workers were ended.
    """

    settings: Settings
    folder: Path
    broker: Victim
    redis: Victim
    triton: Victim | None
    durable: bool
    crew: Crew
    load: Load
    journal: Journal
    models: ModelSet
    stuck: int = 0

    @property
    def redis_data(self) -> Path:
        """Where Redis keeps its files."""
        return self.folder / "valkey"

    def store(self) -> RedisStore:
        """A new connection to the profiles."""
        return wiring.store(self.settings)

    async def at_work(self) -> set[int]:
        """Process ids of workers that say they have partitions; none while Redis is away."""
        store = self.store()
        try:
            said = await read_statuses(store.client)
        except UnavailableError:
            return set()
        finally:
            await store.close()
        return {status["pid"] for status in said.values() if status["partitions"]}

    def start_afresh(self) -> None:
        """End all workers of a group that stands still: the embedded broker waits for ever for a member that died."""
        self.stuck += 1
        self.crew.kill()

    async def publish_models(self) -> None:
        """Put codebook and heads into Redis, as who sets up a deployment does."""
        store = self.store()
        try:
            target, encoder = RedisModelStore(store.client), self.settings.model
            await target.put(codebook_name(encoder), self.models.codebook.to_bytes())
            for task, head in self.models.heads.items():
                await target.put(head_name(task, encoder), head.to_bytes())
        finally:
            await store.close()


@asynccontextmanager
async def open_world(
    settings: Settings, *, seed: int, kafka_home: Path | None, mutant: str | None = None, report: Report = silent
) -> AsyncIterator[World]:
    """Servers, workers and a producer, for as long as the block runs.

    Args:
        settings: The encoder that they name must be prepared.
        seed: Of the stream.
        kafka_home: Apache Kafka; None: the embedded broker.
        mutant: The workers' defect, see `stream/simulation/mutants.py`.
        report: Told what is started.

    Raises:
        SetupError: Something does not start.
    """
    folder = _new_folder(wiring.home(settings))
    async with AsyncExitStack() as stack:

        async def start(server: Server) -> Victim:
            victim = Victim(server, folder)
            await victim.start()
            stack.push_async_callback(victim.stop)
            report(f"{server.name} runs at {server.address}")
            return victim

        broker = await start(_broker(kafka_home, folder))
        redis = await start(told_of_full_disks(valkey.valkey(folder / "valkey", keep=True, port=steady_port())))
        encoder = await start(await _triton(settings, report)) if triton.supported() is None else None
        here = _at(settings, broker, redis, encoder)
        await ensure_topics(wiring.kafka(here), here.partitions)
        journal = Journal()
        world = World(
            settings=here,
            folder=folder,
            broker=broker,
            redis=redis,
            triton=encoder,
            durable=kafka_home is not None,
            crew=Crew(here, folder, mutant),
            load=Load(wiring.kafka(here), seed, journal),
            journal=journal,
            models=await _models(here),
        )
        await world.publish_models()
        stack.push_async_callback(world.crew.stop)
        for _ in range(_WORKERS):
            world.crew.join()
        await _until_working(world)
        yield world


async def _until_working(world: World) -> None:
    try:
        async with asyncio.timeout(_START_SECONDS):
            while not await world.at_work():  # noqa: ASYNC110 (other processes: nothing to be woken by)
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise SetupError("\n".join(["no worker begins to work", *world.crew.last_words()])) from None


def _at(settings: Settings, broker: Victim, redis: Victim, encoder: Victim | None) -> Settings:
    """Small batches and short patience, so that a fault is over in seconds."""
    return settings.model_copy(
        update={
            "kafka_bootstrap": broker.server.address,
            "redis_url": redis.server.address,
            "triton_url": encoder and encoder.server.address,
            "schema_registry_url": None,
            "group": "faults",
            "partitions": 4,
            "replication": 1,
            "batch_events": 64,
            "embed_deadline": 5.0,
            "shutdown_seconds": 5.0,
        }
    )


def _broker(kafka_home: Path | None, folder: Path) -> Server:
    if kafka_home is None:
        return tansu.tansu(steady_port())
    # The second one: so long a broker that was killed keeps the one in its place from registering.
    sessions = {
        "group.min.session.timeout.ms": "1000",
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "1000",
    }
    return kafka.kafka(kafka_home, folder / "kafka", sessions, (steady_port(), steady_port()))


async def _triton(settings: Settings, report: Report) -> Server:
    environment = await asyncio.to_thread(triton.prepare_environment, wiring.home(settings), report)
    encoder = Encoder(repository=wiring.repository(settings), models=[settings.model])
    return triton_server(environment, encoder, (steady_port(), steady_port(), steady_port()))


async def _models(settings: Settings) -> ModelSet:
    """Heads and a codebook that are drawn at random: what they say does not matter, that they say it once does."""
    encoder = await wiring.embedder(settings)
    try:
        return small_models(encoder)
    finally:
        await encoder.close()


def _new_folder(home: Path) -> Path:
    folders = private_folder(home / "faults")
    for old in sorted(folders.iterdir())[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return private_folder(folders / datetime.now(UTC).strftime("%Y%m%d-%H%M%S.%f"))
