"""What the learner tells the drift monitor of its exams."""

import asyncio
from contextlib import suppress

import pytest

from profilestream.continual.drift.rows import Notes
from profilestream.continual.learner import HeadLearner
from profilestream.deploy.exams import counted, report_exams
from profilestream.inference.hashing import HashEmbedder
from profilestream.schemas.errors import StoreUnavailableError
from profilestream.stream.store.drift import DriftStore, MemoryDriftStore, RedisDriftStore
from profilestream.stream.store.redis import RedisStore
from tests.continual.test_learner import CATS_AND_MUSIC, Shelf, label, stream

LATER = [label(n, f"{said} {n}", said) for n, said in enumerate(["music", "cats", "cats"] * 5)]


@pytest.fixture(params=["twin", "real"])
def drift(request: pytest.FixtureRequest) -> DriftStore:
    """Where exams are reported: in memory, and in Redis."""
    if request.param == "twin":
        return MemoryDriftStore()
    return RedisDriftStore(RedisStore.connect(request.getfixturevalue("redis_url")).client)


class AwayOnce(MemoryDriftStore):
    """Does not answer the first call."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def report(self, model: str, data: bytes) -> None:
        """Fail once."""
        self.asked += 1
        if self.asked == 1:
            raise StoreUnavailableError("away")
        await super().report(model, data)


async def told(drift: DriftStore) -> tuple[HeadLearner, list[int]]:
    """A learner that learns while its exams are reported, and what was said of them."""
    embedder = HashEmbedder()
    learner = HeadLearner(embedder, Shelf())
    await learner.run(stream(CATS_AND_MUSIC))  # now there is a head to examine
    reporting = asyncio.create_task(report_exams(drift, embedder.model, learner, seconds=0.01))
    await asyncio.sleep(0)  # it notes where the learner stands
    await learner.run(stream(LATER))
    async with asyncio.timeout(10):
        while not (reports := await drift.reports(embedder.model, "", 10)):
            await asyncio.sleep(0.01)
    reporting.cancel()
    with suppress(asyncio.CancelledError):
        await reporting
    return learner, [error for _, data in reports for error in Notes.from_bytes(data).errors.tolist()]


async def test_each_exam_is_told_once_right_or_wrong(drift: DriftStore) -> None:
    """The monitor hears of every label that was judged before it was learned."""
    learner, errors = await told(drift)
    tested, wrong = counted(learner.status())
    assert tested == len(errors) > 0
    assert sum(errors) == wrong


async def test_exams_are_told_when_redis_is_back() -> None:
    """What could not be reported is reported with the next ones."""
    learner, errors = await told(AwayOnce())
    assert len(errors) == counted(learner.status())[0] > 0


def test_tasks_are_counted_together() -> None:
    """Labels and mistakes of all tasks; a task without an exam counts nothing."""
    assert counted({"a": {"tested": 10, "accuracy": 0.8}, "b": {"tested": 0, "accuracy": None}}) == (10, 2)
