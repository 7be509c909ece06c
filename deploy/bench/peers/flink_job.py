"""PyFlink: a table over Kafka with the record's partition and offset, a function in Python, a table of updates.

Fair: this is how its documentation reads Kafka where a record's metadata is needed; checkpoints every 5 seconds make it
at least once. Python functions run in its process mode, in bundles of 1,000 records or 100 ms, so that it does not wait
a second for the first one. The function is called row by row, as a table function is; its vectorised (pandas) functions
were not tried. Parallelism 1, as one worker of ours stands beside it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pyflink.common import Configuration, Row
from pyflink.table import DataTypes, EnvironmentSettings, TableEnvironment
from pyflink.table.udf import TableFunction, udtf

from .environment import JAR_VARIABLE
from .work import Blocking, Place, record

_KAFKA = """
CREATE TABLE {name} ({columns}) WITH (
  'connector' = 'kafka', 'topic' = '{topic}', 'properties.bootstrap.servers' = '{brokers}',
  'key.format' = 'raw', 'key.fields' = 'user_id', 'value.format' = 'raw', 'value.fields-include' = 'EXCEPT_KEY' {more})
"""
_EVENTS = """user_id BYTES, content BYTES, at_partition INT METADATA FROM 'partition' VIRTUAL,
  at_offset BIGINT METADATA FROM 'offset' VIRTUAL, at_time TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL"""


class Apply(TableFunction):  # type: ignore[misc]
    """An event becomes the update that follows from it."""

    def open(self, function_context: Any) -> None:  # noqa: ARG002 (its interface)
        """In the process that does the work."""
        self._place = Place.here()
        self._work = Blocking(self._place)

    def eval(self, user: bytes, content: bytes, partition: int, offset: int, time: Any) -> Iterator[Row]:
        """One event."""
        milliseconds = round(1000 * time.timestamp())
        for key, value in self._work.batch(
            [record(self._place.events, partition, offset, user, content, milliseconds)]
        ):
            yield Row(key, value)


def main() -> None:
    """Until it is killed."""
    place = Place.here()
    configuration = Configuration()
    for name, value in {
        "pipeline.jars": Path(os.environ[JAR_VARIABLE]).as_uri(),
        "parallelism.default": "1",
        "execution.checkpointing.interval": "5 s",
        "execution.checkpointing.mode": "AT_LEAST_ONCE",
        "python.fn-execution.bundle.size": "1000",
        "python.fn-execution.bundle.time": "100",
        "taskmanager.memory.managed.size": "256m",
    }.items():
        configuration.set_string(name, value)
    tables = TableEnvironment.create(
        EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    )
    more = f", 'scan.startup.mode' = 'earliest-offset', 'properties.group.id' = '{place.group}'"
    tables.execute_sql(
        _KAFKA.format(name="events", columns=_EVENTS, topic=place.events, brokers=place.brokers, more=more)
    )
    columns = "user_id BYTES, content BYTES"
    tables.execute_sql(
        _KAFKA.format(name="updates", columns=columns, topic=place.updates, brokers=place.brokers, more="")
    )
    tables.create_temporary_function("apply", udtf(Apply(), result_types=[DataTypes.BYTES(), DataTypes.BYTES()]))
    tables.execute_sql(
        "INSERT INTO updates SELECT u, c FROM events, "
        "LATERAL TABLE(apply(user_id, content, at_partition, at_offset, at_time)) AS t(u, c)"
    ).wait()


if __name__ == "__main__":
    main()
