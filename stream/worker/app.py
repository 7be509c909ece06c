"""The Faust app. Faust finds partitions, reads and commits; everything else is the engine's.

Its defaults lose data, so: raw bytes in and out of topics, no tables, no automatic acknowledgement, no web server, and
no `take()`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import faust
import faust.streams
import structlog
from aiokafka.errors import KafkaError
from faust.exceptions import ConsumerNotStarted
from faust.types import TP

from ...schemas.errors import SetupError
from ..engine.ports import Partition
from ..kafka.connection import KafkaConnection
from .consumer import Batch, BatchHost, Reading, Watermarks, batch_transport

log = structlog.get_logger(__name__)


class EngineHost(BatchHost, Protocol):
    """What the app needs of the engine's side."""

    async def put(self, batch: Batch) -> None:
        """Take what one fetch brought; wait while busy."""

    def abandon(self) -> None:
        """Let go of everything that is not finished: it will be read again."""

    async def renew(self, partitions: list[Partition]) -> None:
        """Partitions were assigned: start afresh."""


class ProfileApp(faust.App):  # type: ignore[misc]
    """A Faust app that does not wait for ever when partitions are taken away."""

    host: EngineHost
    patience: float
    given_up: asyncio.Event

    def give_up(self) -> None:
        """Let go of everything, and of what could not be committed until now."""
        self.given_up.set()
        self.abandon()

    def abandon(self) -> None:
        """Let go of everything that is not finished, so that nobody waits for it."""
        self.host.abandon()

    def acknowledge(self, partition: Partition, next_offset: int) -> None:
        """Everything before `next_offset` is finished."""
        self.consumer.acknowledge(partition, next_offset)

    async def position(self, partition: Partition) -> int | None:
        """Up to where a partition was read; None where the consumer does not say, as in a rebalance or at the end."""
        try:
            position: int | None = await self.consumer.position(TP(partition.topic, partition.number))
        except (KafkaError, ConsumerNotStarted, RuntimeError):  # the last: the loop of its thread is closed
            return None
        return position

    def _create_directories(self) -> None:
        """Faust would make folders for its tables where the program was started; we have no tables."""

    async def _on_partitions_revoked(self, revoked: Any) -> None:
        # A consumer waits until everything in flight is acknowledged, without a bound; a service that hangs would
        # cost us the membership in the group.
        async with bounded(self.patience, self.abandon):
            await super()._on_partitions_revoked(revoked)

    async def _on_partitions_assigned(self, assigned: Any, generation_id: int = 0) -> None:
        await self.host.renew(sorted(Partition(tp.topic, tp.partition) for tp in assigned))
        await super()._on_partitions_assigned(assigned, generation_id)


@asynccontextmanager
async def bounded(seconds: float, give_up: Callable[[], None]) -> AsyncIterator[None]:
    """Call `give_up` once, if the block takes longer than `seconds`."""
    timer = asyncio.get_running_loop().call_later(seconds, give_up)
    try:
        yield
    finally:
        timer.cancel()


def create_app(
    *,
    group: str,
    topic: str,
    connection: KafkaConnection,
    host: EngineHost,
    watermarks: Watermarks,
    session_timeout: float = 10.0,
    rebalance_timeout: float = 6.0,
    instance: str | None = None,
    fetch_events: int = 1024,
    fetch_wait: float = 0.5,
) -> ProfileApp:
    """The app with its one agent, `profiles`.

    Args:
        group: The consumer group; all workers of a deployment share it.
        topic: Where user events are.
        connection: Where Kafka is.
        host: Takes the events.
        watermarks: How far the stored profiles are, see `consumer.py`.
        session_timeout: Seconds after which the group gives a silent worker's partitions away.
        rebalance_timeout: Seconds that members have to finish when the group changes.
        instance: A name that stays over restarts (a pod's), for static membership.
        fetch_events: Most events of one fetch.
        fetch_wait: Seconds that the broker may keep a fetch waiting until there is something to read.

    Raises:
        SetupError: Faust runs without its compiled stream iterator, which acknowledges messages it skipped.
    """
    # Looked up by name: the attribute is None in a pure-Python build.
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise SetupError("this build of faust-streaming loses messages: install a wheel, and do not set NO_CYTHON")
    app = ProfileApp(
        group,
        broker=[f"kafka://{server.strip()}" for server in connection.bootstrap.split(",")],
        broker_credentials=_credentials(connection),
        origin="profilestream.stream",
        autodiscover=False,
        processing_guarantee="at_least_once",
        broker_commit_interval=1.0,
        broker_max_poll_records=fetch_events,
        broker_session_timeout=session_timeout,
        broker_heartbeat_interval=min(3.0, session_timeout / 3),
        broker_rebalance_timeout=rebalance_timeout,
        broker_request_timeout=max(30.0, session_timeout + 5),
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=instance,
        producer_request_timeout=30.0,
        stream_wait_empty=True,
        table_standby_replicas=0,
        topic_disable_leader=True,
        topic_allow_declare=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
    )
    app.host, app.patience, app.given_up = host, 0.6 * rebalance_timeout, asyncio.Event()
    app.topics.add(app.topic(topic, key_type=bytes, key_serializer="raw", value_type=bytes, value_serializer="raw"))
    batches = app.channel(maxsize=1)
    reading = Reading(
        host=host, hand_on=batches.put, watermarks=watermarks, given_up=app.given_up, fetch_wait=fetch_wait
    )
    app.transport = batch_transport(app.transport, reading)

    @app.agent(batches, name="profiles")  # type: ignore[untyped-decorator]
    async def profiles(stream: Any) -> None:
        async for batch in stream:
            await host.put(batch)

    return app


def _credentials(connection: KafkaConnection) -> Any:
    context = connection.ssl_context()
    if connection.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            mechanism=connection.sasl_mechanism,
            username=connection.username,
            password=connection.password,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
