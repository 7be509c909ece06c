"""A worker's ways to the services: slow, and open to every fault that a call can meet."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Protocol, TypeVar

from ...inference.embedder import Embedder, Embeddings
from ...schemas.errors import BrokerUnavailableError, InferenceUnavailableError, StoreUnavailableError
from ..engine.group import GroupSource
from ..engine.memory import FencedSink, MemoryLog, MemorySink
from ..engine.ports import Outgoing, Partition, Record, Sink
from ..store.base import ProfileStore, Stored, Write
from .faults import Dice, Fault

T = TypeVar("T")

CALL_SECONDS = 5.0  # a call that has no answer by then has failed
LATE_SECONDS = 4.0  # a produce that failed may still be written so much later


class Process(Protocol):
    """The worker's process, as its calls see it."""

    name: str
    dice: Dice

    async def step(self) -> None:
        """Between any two things that a worker does: time passes, it is stopped, or killed."""

    def struck(self, fault: Fault) -> bool:
        """Whether a fault strikes here."""
        ...

    def later(self, job: Coroutine[object, object, None]) -> None:
        """Something that happens even if the process is gone by then."""


class ShakyStore:
    """A ProfileStore on the other side of a network."""

    def __init__(self, process: Process, store: ProfileStore) -> None:
        self._process = process
        self._store = store

    async def load(self, users: Sequence[str]) -> list[Stored | None]:
        """See ProfileStore."""
        return await self._call(lambda: self._store.load(users))

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """See ProfileStore: one after the other, as in a pipeline."""
        return await self._call(lambda: self._pipeline(writes))

    async def watermarks(self) -> dict[str, int]:
        """See ProfileStore."""
        return await self._call(self._store.watermarks)

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """See ProfileStore."""
        await self._call(lambda: self._store.save_watermarks(offsets))

    async def check(self) -> None:
        """See ProfileStore."""
        await self._call(self._store.check)

    def users(self) -> AsyncIterator[str]:
        """See ProfileStore."""
        return self._store.users()

    async def close(self) -> None:
        """See ProfileStore."""
        await self._store.close()

    async def _pipeline(self, writes: Sequence[Write]) -> list[bool]:
        done: list[bool] = []
        torn = len(writes) > 1 and self._process.struck(Fault.STORE_TORN)
        last = self._process.dice.random.randrange(1, len(writes)) if torn else len(writes)
        for write in writes[:last]:
            done += await self._store.save([write])
            if self._process.dice.random.random() < 0.1:
                await self._process.step()
        if torn:
            raise StoreUnavailableError("the connection broke in the middle of a pipeline")
        return done

    async def _call(self, call: Callable[[], Awaitable[T]]) -> T:
        await self._process.step()
        if self._process.struck(Fault.STORE_REFUSES):
            raise StoreUnavailableError("the connection was refused")
        answer = await call()
        if self._process.struck(Fault.STORE_ANSWER_LOST):
            raise StoreUnavailableError("the connection broke before the answer came")
        await self._process.step()
        return answer


class ShakySink:
    """A Sink on the other side of a network.

    Args:
        process: Whose it is.
        log: The broker.
        topic: The source's topic.
        fenced: The partitions that it writes for, where the broker fences; None where it does not.
    """

    def __init__(self, process: Process, log: MemoryLog, topic: str, fenced: Sequence[Partition] | None) -> None:
        self._process = process
        self._log = log
        self._topic = topic
        self._fenced = fenced
        self._sink = self._connect()

    async def publish(self, messages: Sequence[Outgoing]) -> None:
        """See Sink; with fencing, the messages of a source partition are written all or none (a transaction)."""
        process = self._process
        await process.step()
        if process.struck(Fault.BROKER_REFUSES):
            raise BrokerUnavailableError("the connection was refused")
        if messages and process.struck(Fault.BROKER_LATE):
            process.later(self._publish_late(self._sink, messages))
            self._renew()
            raise BrokerUnavailableError("no answer in time")
        if process.struck(Fault.BROKER_TORN):
            await self._sink.publish(self._some(messages))
            self._renew()
            raise BrokerUnavailableError("the connection broke in the middle")
        for part in self._parts(messages):
            await self._sink.publish(part)
        if process.struck(Fault.BROKER_ANSWER_LOST):
            raise BrokerUnavailableError("the connection broke before the answer came")
        await process.step()

    def _connect(self) -> Sink:
        return MemorySink(self._log) if self._fenced is None else FencedSink(self._log, self._topic, self._fenced)

    def _renew(self) -> None:
        """After a failure nobody knows what was written: with fencing, a new epoch keeps the rest of it out.

        A producer whose epoch was taken by another worker cannot take it back: its next message is refused.
        """
        if isinstance(self._sink, FencedSink):
            self._sink = self._sink.renewed()

    async def _publish_late(self, sink: Sink, messages: Sequence[Outgoing]) -> None:
        await asyncio.sleep(self._process.dice.between(0, LATE_SECONDS))
        await asyncio.gather(sink.publish(self._some(messages)), return_exceptions=True)

    def _some(self, messages: Sequence[Outgoing]) -> list[Outgoing]:
        """A prefix of each partition's messages."""
        return [m for part in self._parts(messages) for m in part[: self._up_to(len(part))]]

    def _up_to(self, length: int) -> int:
        drawn = self._process.dice.random.randint(0, length)
        return drawn if self._fenced is None else length * (drawn % 2)

    def _parts(self, messages: Sequence[Outgoing]) -> list[list[Outgoing]]:
        parts: dict[Partition, list[Outgoing]] = {}
        for message in messages:
            parts.setdefault(self._log.partition_of(self._topic, message.key), []).append(message)
        return list(parts.values())


class ShakyEmbedder:
    """An Embedder on the other side of a network; a call that hangs fails in time, as the Triton client's do."""

    def __init__(self, process: Process, embedder: Embedder) -> None:
        self._process = process
        self._embedder = embedder

    @property
    def model(self) -> str:
        """See Embedder."""
        return self._embedder.model

    @property
    def dimensions(self) -> int:
        """See Embedder."""
        return self._embedder.dimensions

    async def embed(self, texts: Sequence[str]) -> Embeddings:
        """See Embedder."""
        await self._process.step()
        if self._process.struck(Fault.ENCODER_FAILS):
            raise InferenceUnavailableError("the server failed")
        try:
            async with asyncio.timeout(CALL_SECONDS):
                if self._process.struck(Fault.ENCODER_TIMES_OUT):
                    await asyncio.sleep(2 * CALL_SECONDS)
                answer = await self._embedder.embed(texts)
        except TimeoutError as error:
            raise InferenceUnavailableError("no answer in time") from error
        await self._process.step()
        return answer

    async def close(self) -> None:
        """See Embedder."""


class ShakySource:
    """A Source in a process that may be stopped or killed at any time."""

    def __init__(self, process: Process, source: GroupSource) -> None:
        self._process = process
        self._source = source

    async def arrived(self) -> None:
        """See Source."""
        await self._source.arrived()

    async def fetch(self, most: int, within: float) -> Sequence[Record]:
        """See Source."""
        await self._process.step()
        records = await self._source.fetch(self._process.dice.random.randint(1, most), within)
        await self._process.step()
        return records

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """See Source."""
        self._source.acknowledge(partition, next_offset)
