"""What all sections measure on: a local stack with a worker, a producer, and an independent reader of the updates."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from aiokafka import AIOKafkaProducer
from rich.console import Console

from ...inference.client import TritonEmbedder
from ...inference.local import LocalEmbedder
from ...schemas.errors import SetupError
from ...stream.kafka.sink import start_producer
from ...stream.store.redis import RedisStore
from ...stream.worker.status import read_statuses
from .. import wiring
from ..local.children import worker
from ..local.process import Server, ServerProcess
from ..local.stack import Encoder, LocalStack
from ..prepare import Prepared, publish_models
from ..settings import Settings
from ..terminal import say
from ..topics import PROFILE_UPDATES, USER_EVENTS, ensure_topics
from .cpu import Meter
from .load import Load, pack, send
from .tally import Tally
from .texts import distinct_texts, vocabulary

_JOIN_SECONDS = 60.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A load that went through.

    Attributes:
        events: How many.
        seconds: From the first one being sent to the last update being seen.
        updates: That were seen.
        update_bytes: Of their values.
        cpu: Processor seconds by part.
    """

    events: int
    seconds: float
    updates: int
    update_bytes: int
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self) | {"events_per_second": self.rate}


@dataclass(slots=True)
class World:
    """Everything that runs.

    Attributes:
        settings: With the stack's addresses.
        stack: Starts more.
        prepared: The models.
        console: Where sections say what they do.
        producer: Of loads.
        tally: Of `profile-updates`.
        store: Redis.
        alone: The encoder in this process.
        triton: A client of Triton; None where there is none.
        words: To make texts of.
        workers: Those that run.
        loads: How many loads there were: each has a number of its own.
    """

    settings: Settings
    stack: LocalStack
    prepared: Prepared
    console: Console
    producer: AIOKafkaProducer
    tally: Tally
    store: RedisStore
    alone: LocalEmbedder
    triton: TritonEmbedder | None
    words: list[str]
    workers: list[ServerProcess] = field(default_factory=list)
    loads: int = 0

    def number(self) -> int:
        """A number that no other load of this run has."""
        self.loads += 1
        return self.loads

    async def through(self, load: Load) -> Pass:
        """Send a load all at once, and wait until every event is in an update.

        Raises:
            SetupError: Events were lost.
        """
        return await through(self, load, USER_EVENTS, self.tally, self.pids())

    def texts(self, count: int, words: int) -> list[str]:
        """Texts of so many words that no load of this run had before."""
        return list(distinct_texts(self.words, count=count, length=words, seed=self.number()))

    def pids(self) -> dict[str, list[int]]:
        """Process ids by part."""
        servers = {name: [pid] for name, pid in self.stack.pids.items() if not name.startswith("worker")}
        return servers | {"worker": [process.pid for process in self.workers]}

    async def more_workers(self, count: int) -> None:
        """Start or stop workers until there are so many; returns when all of them have partitions.

        Raises:
            SetupError: They did not get any in time.
        """
        while len(self.workers) > count:
            await self.stack.end(self.workers.pop())
        while len(self.workers) < count:
            plan = partial(self._worker, f"worker-{len(self.workers) + 1}")
            self.workers.append(await self.stack.start(plan))
        await self._settled(count)

    async def statuses(self) -> list[dict[str, Any]]:
        """What the running workers say of themselves."""
        return [said for said in (await read_statuses(self.store.client)).values() if said["partitions"]]

    def _worker(self, name: str) -> Server:
        return replace(worker(self.settings), name=name)

    async def _settled(self, count: int) -> None:
        """Until the group has shared all partitions among so many."""
        deadline = time.monotonic() + _JOIN_SECONDS
        while time.monotonic() < deadline:
            shares = [said["partitions"] for said in await self.statuses() if time.time() - said["time"] < 2.5]
            if len(shares) == count and sum(map(len, shares)) == self.settings.partitions:
                return
            await asyncio.sleep(_POLL_SECONDS)
        raise SetupError(f"{count} workers did not share the partitions within {_JOIN_SECONDS:.0f} s")


async def through(world: World, load: Load, topic: str, tally: Tally, pids: dict[str, list[int]]) -> Pass:
    """Send a load to a topic, and wait until every event is in an update.

    Args:
        world: Whose producer sends.
        load: What.
        topic: Where to.
        tally: Of the updates that follow.
        pids: Process ids by part, whose processor time is counted.

    Raises:
        SetupError: Events were lost.
    """
    packed = pack(world.producer, load, world.settings.partitions)
    meter, updates, size = Meter(pids), tally.updates, tally.bytes
    started = time.perf_counter()
    expected = await send(world.producer, topic, packed)
    seen = await tally.until(expected)
    return Pass(
        events=packed.events,
        seconds=seen - started,
        updates=tally.updates - updates,
        update_bytes=tally.bytes - size,
        cpu=meter.seconds(),
    )


@asynccontextmanager
async def following(settings: Settings, topic: str) -> AsyncIterator[Tally]:
    """A tally of a topic, that reads; see there."""
    tally = Tally(wiring.kafka(settings), topic)
    reading = asyncio.create_task(tally.run())
    ready = asyncio.create_task(tally.ready.wait())
    try:
        await asyncio.wait({reading, ready}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            reading.result()
        yield tally
    finally:
        for task in (reading, ready):
            task.cancel()
        await asyncio.gather(reading, ready, return_exceptions=True)


@asynccontextmanager
async def world(
    settings: Settings, prepared: Prepared, console: Console, *, quiet: bool = False
) -> AsyncIterator[World]:
    """Start a local stack with one worker.

    Args:
        settings: Their addresses do not matter.
        prepared: The models.
        console: Where to say what runs.
        quiet: Do not say what is started.

    Raises:
        SetupError: Something cannot start.
    """
    encoder = Encoder(repository=wiring.repository(settings), models=[settings.model])
    async with LocalStack(
        wiring.home(settings),
        encoder=encoder,
        kafka_home=settings.kafka_home,
        report=(lambda _: None) if quiet else partial(say, console),
    ) as stack:
        here = wiring.at(settings, stack.addresses)
        await ensure_topics(wiring.kafka(here), here.partitions)
        await publish_models(here, prepared)
        producer = await start_producer(wiring.kafka(here), idempotent=here.kafka_idempotent)
        store, alone = wiring.store(here), LocalEmbedder(prepared.encoder.path)
        triton = TritonEmbedder(here.triton_url, here.model, deadline=60.0) if here.triton_url else None
        try:
            async with following(here, PROFILE_UPDATES) as tally:
                made = World(
                    settings=here,
                    stack=stack,
                    prepared=prepared,
                    console=console,
                    producer=producer,
                    tally=tally,
                    store=store,
                    alone=alone,
                    triton=triton,
                    words=vocabulary(prepared.encoder.artefacts / "tokenizer.json"),
                )
                await made.more_workers(1)
                yield made
        finally:
            await producer.stop()
            await store.close()
            await alone.close()
            if triton:
                await triton.close()
