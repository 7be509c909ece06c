"""How long the broker may keep a fetch waiting, where it does not answer as soon as there is something to read."""

from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

LONGEST_WAIT = 0.5  # seconds, Kafka's default


class FetchWait:
    """Sets the wait of a started consumer's fetches; a part of aiokafka's insides.

    At every fetch the embedded broker goes through all batches of a partition from the first one, and when the wait is
    over it stops, wherever it is. With a short wait and tens of thousands of small batches it would never come to the
    last ones. So after a fetch that left something behind the wait is doubled, and halved again after one that did not.

    Args:
        consumer: Whose fetches wait.
        seconds: The wait, as long as nothing is left behind.
        backlog: Seconds for which nobody will need what comes: a fetch may wait for so long in addition.
    """

    def __init__(self, consumer: AIOKafkaConsumer, seconds: float, backlog: Callable[[], float] = lambda: 0.0) -> None:
        self._fetcher = consumer._fetcher  # noqa: SLF001
        self._ask = self._fetcher._proc_fetch_request  # noqa: SLF001
        self._fetcher._proc_fetch_request = self._ask_and_look  # noqa: SLF001
        self._seconds = seconds
        self._backlog = backlog
        self._factor = 1
        self._set()

    def _set(self) -> None:
        """For the next fetch."""
        seconds = min(self._seconds * self._factor + self._backlog(), max(self._seconds, LONGEST_WAIT))
        self._fetcher._fetch_max_wait_ms = round(1000 * seconds)  # noqa: SLF001

    async def _ask_and_look(self, assignment: Any, node: Any, request: Any) -> Any:
        found = await self._ask(assignment, node, request)
        if self._left_behind(assignment, request):
            self._factor = min(2 * self._factor, 1024)
        else:
            self._factor = max(1, self._factor // 2)
        self._set()
        return found

    def _left_behind(self, assignment: Any, request: Any) -> bool:
        """Whether a partition has more than its position, and the fetch brought nothing of it."""
        if not assignment.active:
            return False
        asked = (TopicPartition(topic, number) for topic, partitions in request.topics for number, *_ in partitions)
        states = (assignment.state_value(tp) for tp in asked if tp not in self._fetcher._records)  # noqa: SLF001
        return any(state.has_valid_position and (state.highwater or 0) > state.position for state in states)
