"""A plain Faust agent: one event at a time, as its documentation has an agent that reads one topic and writes another.

Fair: `processing_guarantee` is Faust's default (at least once: an event is acknowledged when the loop's body is done);
topics carry raw bytes, so Faust's own codecs cost nothing; the web server is off, the fetch is as large as our
worker's. That a sent update was acknowledged is not waited for, as in the documentation: that is to its advantage. One
instance of the agent, since a user's events must stay in order.
"""

from typing import Any

import faust
import uvloop

from .work import Place, Work, record

PLACE = Place.here()

uvloop.install()
app = faust.App(
    PLACE.group,
    broker=f"kafka://{PLACE.brokers}",
    consumer_auto_offset_reset="earliest",
    broker_max_poll_records=1024,
    topic_allow_declare=False,
    topic_disable_leader=True,
    web_enabled=False,
)
RAW = {"key_type": bytes, "key_serializer": "raw", "value_type": bytes, "value_serializer": "raw"}
events = app.topic(PLACE.events, **RAW)
updates = app.topic(PLACE.updates, **RAW)


@app.agent(events)  # type: ignore[untyped-decorator]
async def profiles(stream: Any) -> None:
    """Each event changes a profile."""
    work = await Work.open(PLACE.settings)
    async for event in stream.events():
        m = event.message
        for key, value in await work.batch([record(m.topic, m.partition, m.offset, m.key, m.value, _ms(m.timestamp))]):
            await updates.send(key=key, value=value)


def _ms(seconds: float) -> int:
    return round(1000 * seconds)


if __name__ == "__main__":
    app.main()
