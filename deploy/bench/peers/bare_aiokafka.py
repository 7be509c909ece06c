"""aiokafka alone: what its documentation shows for processing in batches with manual commits.

Fair: `getmany` and one batch for each partition, work, updates acknowledged by the broker, then `commit` of that
partition, exactly as under "Manual vs automatic committing" in its documentation of the consumer; uvloop, idempotence
and linger as in our own producer. It has none of our overlap of reading, embedding and writing, and none of our guards.
"""

import asyncio

from aiokafka import AIOKafkaConsumer

from ....stream.kafka.sink import start_producer
from ... import wiring
from .work import Place, Work, record, run

MOST = 8192  # events of one call, as our worker's


async def main() -> None:
    """Until it is killed."""
    place = Place.here()
    work = await Work.open(place.settings)
    producer = await start_producer(wiring.kafka(place.settings), idempotent=place.settings.kafka_idempotent)
    consumer = AIOKafkaConsumer(
        place.events,
        bootstrap_servers=place.brokers,
        group_id=place.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    async with consumer:
        while True:
            result = await consumer.getmany(timeout_ms=1000, max_records=MOST)
            for partition, messages in result.items():
                updates = await work.batch(
                    [
                        record(partition.topic, partition.partition, m.offset, m.key, m.value, m.timestamp)
                        for m in messages
                    ]
                )
                sent = [await producer.send(place.updates, value, key=key) for key, value in updates]
                await asyncio.gather(*sent)
                await consumer.commit({partition: messages[-1].offset + 1})


if __name__ == "__main__":
    run(main())
