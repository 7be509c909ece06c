"""The stream under faults: valid events, every kind of poison, and a journal that says what is in the log."""

import asyncio
import random

import pytest

from profilestream.deploy.faults.load import Journal, Load, draw_event, draw_poison
from profilestream.deploy.topics import USER_EVENTS, Topic, ensure_topics
from profilestream.schemas.codec import decode_event
from profilestream.schemas.errors import BadRecordError
from profilestream.schemas.validation import Limits, validate
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.recovery.scan import scanner

NOW = 1_790_000_000_000  # Kafka's time of the messages


def test_events_are_valid() -> None:
    """None of them belongs into dead-letters."""
    dice = random.Random(1)
    for number in range(300):
        event = draw_event(dice, number)
        assert validate(event, event.user.encode(), NOW, Limits()) is event


def test_poison_is_poison() -> None:
    """Each message is refused, for at least five different reasons."""
    reasons = set()
    for message in draw_poison(random.Random(2), 5):
        with pytest.raises(BadRecordError) as caught:
            validate(decode_event(message.value), message.key, NOW, Limits())
        reasons.add(caught.value.reason)
    assert {"tombstone", "unknown_schema", "time_out_of_range", "text_too_long", "key_mismatch"} <= reasons


async def test_the_journal_says_what_is_in_the_log(fresh_kafka: str) -> None:
    """Every acknowledged message is where the journal says, those sent again twice."""
    connection = KafkaConnection(bootstrap=fresh_kafka)
    await ensure_topics(connection, 6, topics=[Topic(name=USER_EVENTS)])
    journal, stop = Journal(), asyncio.Event()
    load = Load(connection, 3, journal)
    load.poison(draw_poison(random.Random(3), 1))
    running = asyncio.create_task(load.run(stop))
    async with asyncio.timeout(60):
        while len(journal.written) < 50:
            await asyncio.sleep(0.01)
        load.repeat()
        stop.set()
        await running
    assert journal.repeated > 0
    assert journal.events == len({record.value for record in journal.written}) + len(journal.poison)
    told = {(record.partition.number, record.offset): record.value for record in journal.written}
    async with scanner(connection) as kafka:
        for partition, span in (await kafka.spans(USER_EVENTS)).items():
            async for records in kafka.read(partition, span):
                for record in records:
                    place = (record.partition, record.offset)
                    assert place in journal.poison or told.pop(place) == record.value
    assert not told
