"""A consumer group of the in-memory log, with eager rebalances as Kafka does them.

Whenever a member joins, leaves or is thrown out, all members have to join again; those that do not in time are thrown
out. A member that was thrown out goes on as it was until it looks: a zombie.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .memory import MemoryLog
from .ports import Partition, Record

REBALANCE_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a member owns, for one generation of the group."""

    generation: int
    partitions: tuple[Partition, ...]


class MemoryGroup:
    """The coordinator of one group that reads one topic.

    Args:
        log: Where offsets are committed.
        topic: What the group reads.
        patience: Seconds that members have to join again.
    """

    def __init__(self, log: MemoryLog, topic: str, patience: float = REBALANCE_SECONDS) -> None:
        self._log = log
        self._topic = topic
        self._patience = patience
        self._joining: dict[str, asyncio.Future[Assignment] | None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self.generation = 0

    async def join(self, member: str) -> Assignment:
        """Become a member, or join again; returns when the group is complete."""
        joined: asyncio.Future[Assignment] = asyncio.get_running_loop().create_future()
        self._begin()
        self._joining[member] = joined
        self._settle()
        return await joined

    def leave(self, member: str) -> bool:
        """A member goes, or is thrown out because it was silent.

        Returns:
            Whether it was there; a member that waits to join is not silent and stays.
        """
        waiting = self._joining.get(member)
        if member not in self._joining or (waiting and not waiting.done()):
            return False
        del self._joining[member]
        self._begin()
        self._settle()
        return True

    def rebalance(self) -> bool:
        """Let all members join again, as when a broker or the subscription changes; False if they are just doing so."""
        settled = self._timer is None
        self._begin()
        return settled

    def settled(self, member: str, generation: int) -> bool:
        """What a heartbeat answers: False when the member must join again."""
        return self._timer is None and self._owns(member, generation)

    def commit(self, member: str, generation: int, offsets: Mapping[Partition, int]) -> bool:
        """Commit offsets; refused (False) where the member belongs to an older generation."""
        if self._owns(member, generation):
            self._log.committed.update(offsets)
            return True
        return False

    def _owns(self, member: str, generation: int) -> bool:
        return generation == self.generation and member in self._joining

    def _begin(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._settle, True)
            self._joining = dict.fromkeys(self._joining)

    def _settle(self, out_of_time: bool = False) -> None:
        """Begin the next generation, if everybody is there or time is up."""
        joined = {name: future for name, future in self._joining.items() if future and not future.cancelled()}
        if self._timer is None or (len(joined) < len(self._joining) and not out_of_time):
            return
        self._timer.cancel()
        self._timer = None
        self.generation += 1
        self._joining = dict.fromkeys(joined)
        partitions = [Partition(self._topic, number) for number in range(self._log.partitions)]
        for number, future in enumerate(joined.values()):
            future.set_result(Assignment(self.generation, tuple(partitions[number :: len(joined)])))


@dataclass(slots=True)
class GroupSource:
    """Reads the partitions of one assignment.

    Attributes:
        log: The broker.
        positions: Where to read next, by partition.
        acknowledged: What the engine is done with: to be committed with `MemoryGroup.commit`.
    """

    log: MemoryLog
    positions: dict[Partition, int]
    acknowledged: dict[Partition, int] = field(default_factory=dict)
    _closed: bool = False

    async def arrived(self) -> None:
        """See Source."""
        while not self._closed and not any(self.log.read(*place, 1) for place in self.positions.items()):
            await self.log.wait()

    async def fetch(self, most: int, within: float) -> Sequence[Record]:  # noqa: ARG002 (nothing to wait for)
        """See Source."""
        await self.arrived()
        records: list[Record] = []
        if self._closed:
            return records
        for partition, position in self.positions.items():
            found = self.log.read(partition, position, most - len(records))
            self.positions[partition] += len(found)
            records += found
        return records

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """See Source."""
        self.acknowledged[partition] = next_offset

    def close(self) -> None:
        """Deliver nothing more."""
        self._closed = True
        self.log.wake()
