"""FastStream: a batch subscriber that publishes what follows.

Fair: `batch=True` is its documented way to take many messages at once, as many as our worker takes; they are
acknowledged after the handler returns (`AckPolicy.NACK_ON_ERROR`: a failed batch comes again); updates go out by the
same broker object and are awaited before that. uvloop, as its command line uses it. Bodies are raw bytes: no model is
parsed.
"""

import asyncio

from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from .work import Place, Work, record, run

MOST = 8192  # events of one batch, as our worker's

place = Place.here()
broker = KafkaBroker(place.brokers, acks="all", linger_ms=2)
app = FastStream(broker)
work: list[Work] = []


@broker.subscriber(  # type: ignore[untyped-decorator]
    place.events,
    group_id=place.group,
    batch=True,
    max_records=MOST,
    auto_offset_reset="earliest",
    ack_policy=AckPolicy.NACK_ON_ERROR,
)
async def handle(_bodies: list[bytes], message: KafkaMessage) -> None:
    """A batch of events."""
    raw = message.raw_message if isinstance(message.raw_message, tuple) else (message.raw_message,)
    records = [record(m.topic, m.partition, m.offset, m.key, m.value, m.timestamp) for m in raw]
    updates = await work[0].batch(records)
    sent = [await broker.publish(value, place.updates, key=key, no_confirm=True) for key, value in updates]
    await asyncio.gather(*sent)


@app.on_startup  # type: ignore[untyped-decorator]
async def connect() -> None:
    """Before the first batch."""
    work.append(await Work.open(place.settings))


if __name__ == "__main__":
    run(app.run())
