"""The client that latencies are measured with, on real brokers."""

import asyncio

from profilestream.deploy.bench.outside import outside
from profilestream.deploy.topics import Topic, ensure_topics
from profilestream.stream.kafka.connection import KafkaConnection
from tests.deploy.bench.test_tally import update


async def test_what_is_sent_is_heard_of_and_read(kafka: str, unique) -> None:
    """Of what was there before, nothing; of what comes, the offset that the broker gave and the one that it covers."""
    connection, updates = KafkaConnection(bootstrap=kafka), unique("updates")
    await ensure_topics(connection, 2, topics=[Topic(name=updates)])
    written: list[int] = []
    seen: list[tuple[bytes, int]] = []
    async with asyncio.timeout(60):
        async with outside(connection, updates) as before:
            before.send(updates, b"ada", update("ada", offset=6), written.append)
            while not written:
                await before.turn()
        async with outside(connection, updates) as client:
            client.listener = lambda user, offset, _: seen.append((user, offset))
            client.send(updates, b"ada", update("ada", offset=7), written.append)
            while len(written) < 2 or not seen:
                await client.turn()
    assert written == [0, 1]
    assert seen == [(b"ada", 7)]
