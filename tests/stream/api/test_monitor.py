"""The stream's health, and what is said when a server is away."""

from contextlib import asynccontextmanager

from profilestream.schemas.errors import BrokerUnavailableError, InferenceUnavailableError
from profilestream.stream.api.monitor import Monitor
from profilestream.stream.recovery.look import Look, PartitionLook

SAID = {
    "partitions": ["t-0"],
    "applied": 7,
    "skipped": 1,
    "dead_letters": {"not_avro": 2, "tombstone": 1},
    "memory": 5,
    "seconds_since_progress": 0.5,
    "model": "m",
    "heads": {"interest": 3},
}


class Stream:
    """What a look at the stream finds.

    Attributes:
        wrong: Raised in place of it.
        workers: What they say of themselves.
    """

    def __init__(self) -> None:
        self.wrong: Exception | None = None
        self.workers = {"w": SAID}
        self.waiting = 0

    async def look(self) -> Look:
        """See Looker."""
        if self.wrong:
            raise self.wrong
        partition = PartitionLook(name="t-0", owner="w", first=0, end=9 + self.waiting, committed=9, watermark=9)
        return Look(at=1.0, workers=self.workers, partitions=(partition,), rates={"w": 12.5})


class Triton:
    """Answers or not."""

    def __init__(self) -> None:
        self.wrong: Exception | None = None

    async def __call__(self) -> None:
        """See Probe."""
        if self.wrong:
            raise self.wrong


def monitor(stream: Stream, triton: Triton, now: list[float]) -> Monitor:
    """Over these two."""

    @asynccontextmanager
    async def opened():
        yield stream

    return Monitor(opened, {"triton": triton}, clock=lambda: now[0])


async def test_what_workers_say_is_added_up() -> None:
    """Rates, lag and dead letters, with a sample for each look."""
    stream = Stream()
    watching = monitor(stream, Triton(), [100.0])
    assert watching.health().state == "starting"
    stream.waiting = 4
    await watching.once(stream)
    health = watching.health()
    assert (health.state, health.events_per_second, health.lag, health.partitions) == ("ok", 12.5, 4, 1)
    assert (health.workers[0].dead_letters, health.workers[0].heads) == (3, {"interest": 3})
    assert [(sample.time, sample.lag) for sample in health.samples] == [(100_000, 4)]


async def test_no_worker_and_a_stuck_one_are_told_apart() -> None:
    """Both leave events waiting; what to do differs."""
    stream = Stream()
    watching = monitor(stream, Triton(), [0.0])
    stream.workers, stream.waiting = {"w": SAID | {"seconds_since_progress": 60.0}}, 1
    await watching.once(stream)
    assert watching.health().state == "stuck"
    stream.workers = {}
    await watching.once(stream)
    assert watching.health().state == "no workers"


async def test_a_server_that_is_away_is_named_with_since_when() -> None:
    """Since its first silence, until it answers again."""
    stream, triton, now = Stream(), Triton(), [10.0]
    watching = monitor(stream, triton, now)
    await watching.once(stream)
    triton.wrong = InferenceUnavailableError("Triton does not answer")
    for now[0] in (20.0, 30.0):
        await watching.once(stream)
    health = watching.health()
    assert health.state == "down"
    assert (health.services["triton"].up, health.services["triton"].since) == (False, 20_000)
    assert health.services["triton"].detail == "Triton does not answer"
    assert health.services["kafka"].up
    triton.wrong = None
    await watching.once(stream)
    assert watching.health().state == "ok"


async def test_without_kafka_the_others_are_still_asked() -> None:
    """A look that fails says which server it was."""
    stream, triton, now = Stream(), Triton(), [10.0]
    watching = monitor(stream, triton, now)
    await watching.failed(BrokerUnavailableError("no broker"))
    services = watching.health().services
    assert {name: service.up for name, service in services.items()} == {"kafka": False, "triton": True}
