"""Faust's consumer, made to read in batches: no record is passed over, whatever is cancelled."""

import asyncio
from typing import Any

import pytest
from faust.types import TP

from profilestream.stream.kafka.connection import KafkaConnection
from profilestream.stream.worker.app import ProfileApp, create_app
from profilestream.stream.worker.consumer import BatchConsumer, Reading


class Host:
    """Has one assignment."""

    assignment = 1

    def backlog(self) -> float:
        """None."""
        return 0

    async def drained(self) -> None:
        """Nothing is under way."""


class Scripted(BatchConsumer):
    """A consumer whose thread answers when it is told to, and which writes down what it does."""

    flow_active = True

    def __init__(self) -> None:
        nothing: Any = None
        self._reading = Reading(host=Host(), hand_on=nothing, watermarks=nothing, given_up=asyncio.Event())
        self._behind, self._call = False, None
        self.asked, self.answer = asyncio.Event(), asyncio.Event()
        self.story: list[str] = []

    async def _wait_next_records(self, *_: Any) -> tuple[dict[TP, Any], None]:
        self.asked.set()
        await self.answer.wait()
        self.story.append("fetched")
        return {TP("events", 0): ["a record that nobody is given"]}, None

    async def perform_seek(self) -> None:
        """Where the position is set."""
        self.story.append("sought")


async def test_a_fetch_that_was_left_behind_ends_before_the_position_is_set() -> None:
    """A rebalance cancels who waits for a fetch, not the fetch: what it still reads must be read again."""
    consumer = Scripted()
    waiting = asyncio.create_task(consumer._fetch())
    await consumer.asked.wait()
    waiting.cancel()
    await asyncio.wait({waiting})
    again = asyncio.create_task(consumer._fetch())
    await asyncio.sleep(0)
    consumer.answer.set()
    await again
    assert consumer.story == ["fetched", "sought"]


@pytest.fixture
def app() -> ProfileApp:
    """An app that was not started: nothing listens where its broker should be."""
    nothing: Any = None
    return create_app(
        group="g", topic="events", connection=KafkaConnection(bootstrap="127.0.0.1:1"), host=nothing, watermarks=nothing
    )


async def test_the_end_in_the_middle_of_a_rebalance_is_no_crash(app: ProfileApp) -> None:
    """Faust's fetcher crashes when it is cancelled in a rebalance, so as to be started again: not at the end."""
    fetcher = app._fetcher
    app.on_rebalance_start()
    app.consumer.stop_flow()
    await fetcher.start()
    while not app.consumer.can_resume_flow._waiters:
        await asyncio.sleep(0)
    app._stopped.set()
    await fetcher.stop()
    assert not fetcher.crashed
    assert app.crash_reason is None
