"""The in-memory log's consumer group and fenced producers: as Kafka's, or the simulator proves nothing."""

import asyncio

import pytest

from profilestream.schemas.errors import BrokerUnavailableError, FencedError
from profilestream.stream.engine.group import GroupSource, MemoryGroup
from profilestream.stream.engine.memory import FencedSink, MemoryLog
from profilestream.stream.engine.ports import Outgoing, Partition
from profilestream.stream.engine.position import resume_at

TOPIC = "user-events"
HERE = Partition(TOPIC, 0)


@pytest.mark.parametrize(
    ("committed", "watermark", "expected"),
    [(None, None, 0), (None, 5, 0), (7, None, 0), (7, 5, 5), (5, 7, 5), (7, 7, 7)],
)
def test_reading_goes_on_where_nothing_is_missing(committed: int | None, watermark: int | None, expected: int) -> None:
    """At the lower of what Kafka and the store remember; what one of them does not know begins at the beginning."""
    assert resume_at(committed, watermark) == expected


async def test_a_member_that_joins_shares_after_all_have_joined_again() -> None:
    """An eager rebalance: the first member keeps its partitions until it notices, then both get half."""
    group = MemoryGroup(MemoryLog(4), TOPIC)
    alone = await group.join("a")
    assert len(alone.partitions) == 4
    second = asyncio.create_task(group.join("b"))
    await asyncio.sleep(0)
    assert not group.settled("a", alone.generation)
    assert group.commit("a", alone.generation, {HERE: 3})  # what it had finished still counts
    again = await group.join("a")
    other = await second
    assert set(again.partitions) | set(other.partitions) == set(alone.partitions)
    assert not set(again.partitions) & set(other.partitions)
    assert group.settled("a", again.generation)


async def test_a_zombie_commits_nothing() -> None:
    """Who was thrown out, or belongs to an older generation, moves no offset."""
    log = MemoryLog(2)
    group = MemoryGroup(log, TOPIC)
    old = await group.join("a")
    assert group.leave("a")
    assert not group.commit("a", old.generation, {HERE: 9})
    new = await group.join("b")
    assert not group.commit("b", old.generation, {HERE: 9})
    assert log.committed == {}
    assert group.commit("b", new.generation, {HERE: 2})


async def test_a_member_that_does_not_join_again_in_time_is_thrown_out() -> None:
    """The others do not wait for ever for one that hangs."""
    group = MemoryGroup(MemoryLog(4), TOPIC, patience=0.01)
    await group.join("hangs")
    async with asyncio.timeout(10):
        assignment = await group.join("b")
    assert len(assignment.partitions) == 4


async def test_a_source_reads_its_partitions_and_ends_when_it_is_closed() -> None:
    """Each record once, from its position on; closing wakes whoever waits."""
    log = MemoryLog(1)
    for number in range(3):
        log.append(TOPIC, b"ada", b"%d" % number)
    source = GroupSource(log, {HERE: 1})
    assert [record.offset for record in await source.fetch(10, 0.0)] == [1, 2]
    waiting = asyncio.create_task(source.fetch(10, 0.0))
    await asyncio.sleep(0)
    source.close()
    assert await waiting == []


async def test_a_later_producer_fences_an_earlier_one() -> None:
    """Of a partition that another worker took nothing is written any more, also not after trying to begin anew."""
    log = MemoryLog(1)
    old = FencedSink(log, TOPIC, [HERE])
    await old.publish([Outgoing("profile-updates", b"ada", b"1")])
    new = FencedSink(log, TOPIC, [HERE])
    for zombie in (old, old.renewed()):
        with pytest.raises(FencedError):
            await zombie.publish([Outgoing("profile-updates", b"ada", b"old")])
    await new.publish([Outgoing("profile-updates", b"ada", b"2")])
    assert [message.value for message in log.messages("profile-updates")] == [b"1", b"2"]


async def test_a_renewed_producer_keeps_its_own_late_messages_out() -> None:
    """After a produce without an answer nothing of it may be written behind what follows."""
    log = MemoryLog(1)
    sink = FencedSink(log, TOPIC, [HERE])
    renewed = sink.renewed()
    with pytest.raises(FencedError):
        await sink.publish([Outgoing("profile-updates", b"ada", b"late")])
    await renewed.publish([Outgoing("profile-updates", b"ada", b"1")])
    log.fail()
    with pytest.raises(BrokerUnavailableError):
        await renewed.publish([])
