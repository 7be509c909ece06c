"""What events said lately, for labels that name only the event: the end of user-events, kept in memory, bounded."""

from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import structlog

from ..inference.retry import until_available
from ..schemas.errors import BadRecordError
from ..schemas.events import UserEvent
from ..schemas.wire import Wire
from ..stream.kafka.connection import KafkaConnection
from ..stream.kafka.reader import reader

log = structlog.get_logger(__name__)


class RecentTexts:
    """The texts of the latest events; `Texts` of the learner.

    Args:
        most: So many are kept: 50,000 messages of chit-chat are some 10 MB.
        clean: Removes personal data before a text is kept.
    """

    def __init__(self, *, most: int = 50_000, clean: Callable[[str], str] = str) -> None:
        self._most = most
        self._clean = clean
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._texts)

    def add(self, event: UserEvent) -> None:
        """Keep an event's text, where it has one."""
        if event.text:
            self._texts[event.user, event.id] = self._clean(event.text)
            if len(self._texts) > self._most:
                self._texts.popitem(last=False)

    async def text(self, user: str, event: str) -> str | None:
        """See Texts. Only the user's own events are found: nobody teaches with another's words."""
        return self._texts.get((user, event))

    async def follow(self, connection: KafkaConnection, topic: str, wire: Wire) -> None:
        """Read the topic's last `most` messages and all that come; ends when it is cancelled."""
        async with reader(connection, topic, start="latest") as consumer:
            partitions = consumer.assignment()
            share = self._most // max(1, len(partitions))
            for partition, first in (await consumer.beginning_offsets(list(partitions))).items():
                consumer.seek(partition, max(first, await consumer.position(partition) - share))
            async for message in consumer:
                await until_available(partial(wire.prepare, [message.value]), "schema registry")
                try:
                    self.add(wire.decode(UserEvent, message.value))
                except BadRecordError as error:
                    log.debug("event without a use for labels", error=str(error))
