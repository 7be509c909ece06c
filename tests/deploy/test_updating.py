"""When an update is due, told by a real broker; and what it says of itself in a real store."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from profilestream.continual.update.state import JobState, job_id
from profilestream.continual.update.trigger import Trigger, TriggerOptions
from profilestream.deploy.settings import Settings
from profilestream.deploy.topics import DRIFT_REPORTS, FEEDBACK, Topic, ensure_topics
from profilestream.deploy.update_status import UpdateStatus
from profilestream.deploy.updating import hear, tuning
from profilestream.schemas.codec import encode
from profilestream.schemas.events import DriftReport, Feedback
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.kafka.sink import KafkaSink
from profilestream.stream.store.redis import RedisStore
from profilestream.stream.worker.status import read_statuses


class Heard(Trigger):
    """Counts what it was told."""

    def __init__(self, options: TriggerOptions) -> None:
        super().__init__(options, 0.0)
        self._told = asyncio.Semaphore(0)

    def feedback(self, count: int = 1) -> None:
        """See Trigger."""
        super().feedback(count)
        self._told.release()

    def drift(self, summary: str) -> None:
        """See Trigger."""
        super().drift(summary)
        self._told.release()

    def calm(self) -> None:
        """See Trigger."""
        super().calm()
        self._told.release()

    async def told(self, times: int) -> None:
        """Wait until it was told so often since."""
        for _ in range(times):
            await self._told.acquire()


@contextmanager
def hearing(settings: Settings, trigger: Trigger, ready: asyncio.Event) -> Iterator[None]:
    """For as long as the block runs."""
    task = asyncio.create_task(hear(settings, trigger, ready.set))
    try:
        yield
    finally:
        task.cancel()


def report(kind: str, state: str) -> Outgoing:
    """A report of drift."""
    told = DriftReport(
        id="d1", kind=kind, state=state, model="encoder-v1", time=1, events=9, summary="they talk of rain"
    )
    return Outgoing(DRIFT_REPORTS, b"encoder-v1", encode(told))


async def test_labels_drift_and_time_make_an_update_due(fresh_kafka: str) -> None:
    """Each by itself; not while the cool-down lasts, and not where the alarm is over or of a mood."""
    settings = Settings(kafka_bootstrap=fresh_kafka)
    connection = KafkaConnection(bootstrap=fresh_kafka)
    await ensure_topics(connection, 1, topics=[Topic(name=FEEDBACK), Topic(name=DRIFT_REPORTS, partitions=1)])
    sink, trigger, ready = await KafkaSink.connect(connection), Heard(TriggerOptions(labels=3)), asyncio.Event()
    labels = [Feedback(id=f"f{n}", user="ada", task="interest", label="cats", time=n, text="a cat") for n in range(3)]
    taught = [Outgoing(FEEDBACK, b"ada", encode(label)) for label in labels]
    with hearing(settings, trigger, ready):
        await ready.wait()
        assert trigger.due(1.0) is None
        await sink.publish(taught[:2])
        await trigger.told(2)
        assert trigger.due(1.0) is None
        assert trigger.due(8 * 86_400.0) == "2 new labels since 192 hours"
        await sink.publish(taught[2:])
        await trigger.told(1)
        assert trigger.due(1.0) == "3 new labels"
        trigger.ran(1.0)
        await sink.publish([Outgoing(DRIFT_REPORTS, b"", b"rubbish"), report("sentiment", "alarm")])
        await sink.publish([report("content", "alarm")])
        await trigger.told(1)
        assert trigger.due(2.0) is None
        assert trigger.due(5_000.0) == "drift: they talk of rain"
        await sink.publish([report("content", "over")])
        await trigger.told(1)
        assert trigger.due(5_000.0) is None
    await sink.close()


async def test_a_job_says_how_far_it_is(redis_url: str) -> None:
    """Whoever looks sees the step while it goes on, and the outcome in the end."""
    store, told = RedisStore.connect(redis_url), list[tuple[str, int, int]]()
    status = UpdateStatus("asked for", lambda *step: told.append(step))

    async def said() -> dict[str, Any]:
        (found,) = (await read_statuses(store.client, "updater")).values()
        return found

    async with status.shown(store):
        status.told("train", 3, 9)
        status.ended(JobState(id="1", reason="asked for", champion="v1", outcome="refused", why="it is slow"))
    assert told == [("train", 3, 9)]
    assert await said() == {
        "reason": "asked for",
        "step": "train",
        "done": 3,
        "of": 9,
        "outcome": "refused",
        "why": "it is slow",
    }
    await store.close()


def test_a_job_knows_when_it_began() -> None:
    """To the microsecond, so that a restart does not end the cool-down."""
    now = datetime(2026, 11, 22, 23, 30, 1, 250, tzinfo=UTC)
    assert JobState(id=job_id(now), reason="", champion="v1").began == now


def test_a_short_fine_tune_differs_only_in_what_was_asked() -> None:
    """Passes, layers and threads; all else is as usual."""
    usual, short = tuning(4, 2, 2), tuning(2, 1, 1)
    assert (short.training.epochs, short.training.layers, short.threads) == (2, 1, 1)
    assert (short.embedding, short.training.learning_rate) == (usual.embedding, usual.training.learning_rate)
