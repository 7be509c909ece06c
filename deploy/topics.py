"""The engine's Kafka topics: their names, their settings, and making sure that they exist."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from ..schemas.errors import BrokerUnavailableError, ConfigurationError
from ..stream.kafka.connection import KafkaConnection
from ..stream.kafka.reader import reader

log = structlog.get_logger(__name__)

USER_EVENTS = "user-events"
FEEDBACK = "feedback"
PROFILE_UPDATES = "profile-updates"
DEAD_LETTERS = "dead-letters"
PRIVACY_REQUESTS = "privacy-requests"
MODEL_EVENTS = "model-events"
DRIFT_REPORTS = "drift-reports"

_POLICY = "cleanup.policy"
_HOUR_MS = "3600000"


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A topic as it should be.

    Args:
        name: Its name.
        partitions: How many; None for topics keyed by user, which all get the same number.
        settings: Kafka's topic settings; what is not said is left to the broker.
    """

    name: str
    partitions: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def policy(self) -> str:
        """Its clean-up policy: `delete` or `compact`."""
        return self.settings.get(_POLICY, "delete")


TOPICS = (
    Topic(name=USER_EVENTS),
    Topic(name=FEEDBACK),
    # Only closed segments are compacted: hourly, or whoever reads the topic anew reads a week of changes.
    Topic(name=PROFILE_UPDATES, settings={_POLICY: "compact", "segment.ms": _HOUR_MS}),
    # A dead letter is the message as received and headers: it must fit where the message itself just did.
    Topic(name=DEAD_LETTERS, settings={"max.message.bytes": str(2 * 1024 * 1024)}),
    Topic(name=PRIVACY_REQUESTS),
    # Promotions and alarms are few and have one order.
    Topic(name=MODEL_EVENTS, partitions=1, settings={"retention.ms": "-1"}),
    Topic(name=DRIFT_REPORTS, partitions=1),
)


async def ensure_topics(
    connection: KafkaConnection,
    partitions: int,
    replication: int = 1,
    *,
    topics: Sequence[Topic] = TOPICS,
    deadline: float = 30.0,
) -> None:
    """Create the topics that are missing, check the others, and return when all can be written to.

    Args:
        connection: Where Kafka is.
        partitions: How many for each topic keyed by user.
        replication: How many brokers keep each partition.
        topics: What must exist.
        deadline: Seconds for all of it.

    Raises:
        BrokerUnavailableError: Kafka does not answer in time.
        ConfigurationError: A topic exists otherwise than wanted, or the broker refuses to create it.
    """
    wanted = {topic.name: topic for topic in topics}
    try:
        async with asyncio.timeout(deadline), _admin(connection, deadline) as admin:
            existing = set(await admin.list_topics()) & wanted.keys()
            # Counted before anything is created: a client may ask tansu for a topic and so create it.
            _check_partitions(wanted, await _partition_counts(admin, existing), partitions)
            missing = [wanted[name] for name in wanted.keys() - existing]
            await _create(admin, missing, partitions, replication)
            await _await_leaders(admin, wanted)
            await _await_answers(connection, {topic.name: topic.partitions or partitions for topic in missing})
            _check_policies(wanted, await _policies(admin, existing))
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailableError(
            f"no Kafka broker answers at {connection.bootstrap} ({str(error) or f'waited {deadline:.0f} s'}). "
            "Start one (`profilestream up`), or set PROFILESTREAM_KAFKA_BOOTSTRAP."
        ) from error


@asynccontextmanager
async def _admin(connection: KafkaConnection, deadline: float) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**connection.client_options(), request_timeout_ms=int(deadline * 1000))
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], partitions: int, replication: int) -> None:
    if not topics:
        return
    new = [NewTopic(t.name, t.partitions or partitions, replication, topic_configs=dict(t.settings)) for t in topics]
    answer = await admin.create_topics(new)
    for name, code, message in answer.topic_errors:
        error = for_code(code)
        if error is TopicAlreadyExistsError:  # somebody else was quicker
            continue
        if code and error.retriable:
            raise error(message)
        if code:
            raise ConfigurationError(f"Kafka refuses to create the topic {name}: {message or error.description}")
        log.info("topic created", topic=name)


async def _await_leaders(admin: AIOKafkaAdminClient, names: Iterable[str]) -> None:
    """Kafka answers that a topic is created before its partitions can be written to."""
    while True:
        topics = await admin.describe_topics(list(names))
        if all(not topic["error_code"] and _led(topic) for topic in topics):
            return
        await asyncio.sleep(0.05)


def _led(topic: Mapping[str, Any]) -> bool:
    return bool(topic["partitions"]) and all(partition["leader"] >= 0 for partition in topic["partitions"])


async def _await_answers(connection: KafkaConnection, partitions: Mapping[str, int]) -> None:
    """A broker may be named as the leader before it knows: until then it answers that it is not."""
    if not partitions:
        return
    async with reader(connection, start="latest") as consumer:
        await consumer.end_offsets(
            [TopicPartition(name, n) for name, count in partitions.items() for n in range(count)]
        )


async def _partition_counts(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, int]:
    described = await admin.describe_topics(list(names)) if names else []
    return {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}


def _check_partitions(wanted: Mapping[str, Topic], counts: Mapping[str, int], partitions: int) -> None:
    for name, count in counts.items():
        expected = wanted[name].partitions or partitions
        if count != expected:
            raise ConfigurationError(
                f"The topic {name} has {count} partitions, not {expected}: users would change their partition.\n"
                f"Set PROFILESTREAM_PARTITIONS={count} if it is right as it is; otherwise delete the topic first."
            )


async def _policies(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, str]:
    """The clean-up policy of each topic; nothing where the broker does not report any (tansu hangs up)."""
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, configs={_POLICY: ""}) for name in names]
    if not asked:
        return {}
    try:
        answers = await admin.describe_configs(asked)
    except KafkaError as error:
        log.debug("the broker reports no topic settings", error=str(error))
        return {}
    return {
        resource[3]: entry[1]  # error code, message, type, name, entries of (key, value, ...)
        for answer in answers
        for resource in answer.resources
        for entry in resource[4]
        if entry[0] == _POLICY
    }


def _check_policies(wanted: Mapping[str, Topic], policies: Mapping[str, str]) -> None:
    for name, policy in policies.items():
        expected = wanted[name].policy
        if policy != expected:
            raise ConfigurationError(
                f"The topic {name} has {_POLICY}={policy}, not {expected}. Change it with\n"
                f"kafka-configs.sh --alter --entity-type topics --entity-name {name} --add-config {_POLICY}={expected}"
            )
