"""Quix Streams: a StreamingDataFrame that applies a function to each event and writes what it returns to a topic.

Fair: this is the shape of every application in its documentation; "at-least-once" is its default, a checkpoint every
5 seconds flushes the producer and then commits. It has no batches on the way from one topic to another (only sinks
have, and those end the stream). Topics carry raw bytes. Its librdkafka clients have their own settings.
"""

from typing import Any

from quixstreams import Application, message_context

from .work import Blocking, Place, record


def main() -> None:
    """Until it is killed."""
    place = Place.here()
    work = Blocking(place)
    app = Application(
        broker_address=place.brokers,
        consumer_group=place.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel="WARNING",
    )
    events = app.topic(place.events, key_deserializer="bytes", value_deserializer="bytes")
    updates = app.topic(place.updates, key_serializer="bytes", value_serializer="bytes")

    def apply(value: bytes, key: bytes, timestamp: int, _headers: Any) -> list[bytes]:
        at = message_context()
        return [update for _, update in work.batch([record(at.topic, at.partition, at.offset, key, value, timestamp)])]

    sdf = app.dataframe(events)
    sdf = sdf.apply(apply, expand=True, metadata=True)
    sdf.to_topic(updates)  # the key stays: it is the user
    app.run()


if __name__ == "__main__":
    main()
