"""Bytewax: a dataflow from Kafka to Kafka with `flat_map_batch`, its operator for work that is cheaper in batches.

Fair: its own Kafka connectors with their default of 1,000 messages a poll; recovery is on, with an epoch every
5 seconds, which is what makes it at least once (it keeps its own offsets, there is no consumer group); one worker, as
the work must not run twice for a user. It waits for the broker after each batch, in its own sink.
"""

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow

from .work import Blocking, Place, record

PLACE = Place.here()
WORK = Blocking(PLACE)


def apply(batch: list[KafkaSourceMessage[bytes, bytes]]) -> list[KafkaSinkMessage[bytes, bytes]]:
    """Messages of one poll: the updates that follow from them."""
    records = [
        record(m.topic, m.partition, m.offset, m.key, m.value, m.timestamp[1] if m.timestamp else 0) for m in batch
    ]
    return [KafkaSinkMessage(key, value) for key, value in WORK.batch(records)]


flow = Dataflow("bench")
read = kop.input("events", flow, brokers=[PLACE.brokers], topics=[PLACE.events])
op.inspect("errors", read.errs).then(op.raises, "fail")
made = op.flat_map_batch("apply", read.oks, apply)
kop.output("updates", made, brokers=[PLACE.brokers], topic=PLACE.updates)
