"""Who looks at the stream beside the profiles (drift, trends): told of every finished micro-batch, off its way.

An observer is told after a batch is published and acknowledged, so it delays nothing before; its errors are said in the
log and go no further. What is read again after a crash, or by a zombie beside its successor, is seen again: observers
count approximately, profiles exactly.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from ...inference.models import ModelSet, Understanding
from ...schemas.quick import ReadEvent

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Observed:
    """The t events of a micro-batch that have a text.

    Attributes:
        events: As they came, with personal data in their texts: use `texts`. Length t.
        texts: What they say, redacted. Length t.
        said: What was understood of the texts, in the same order.
        models: What they were understood with.
    """

    events: Sequence[ReadEvent]
    texts: Sequence[str]
    said: Understanding
    models: ModelSet


class Observer(Protocol):
    """Looks at the stream."""

    def observe(self, seen: Observed) -> None:
        """Take note of a batch, quickly: it is called on the event loop. Whatever is slow belongs into a task."""


class Watch(Observer, Protocol):
    """An observer with work of its own beside the stream."""

    async def run(self) -> None:
        """Work until it is cancelled."""

    def figures(self) -> Iterable[tuple[str, float, tuple[str, ...]]]:
        """For Prometheus: name, value and labels, see `stream.metrics`."""
        ...


async def keep_running(watch: Watch, pause: float = 5.0, again: Callable[[], bool] = lambda: True) -> None:
    """Run a watch, and after a failure run it again: it must not take the worker with it.

    Args:
        watch: What to run.
        pause: Seconds between a failure and the next attempt.
        again: Whether to go on after a failure.
    """
    while True:
        try:
            await watch.run()
        except Exception:
            log.exception("watch failed, it begins again", watch=type(watch).__name__)
        if not again():
            return
        await asyncio.sleep(pause)


class Observers:
    """Several observers, of whom none can stop the stream.

    Args:
        observers: Whom to tell.

    Attributes:
        failures: How often one raised.
    """

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = observers
        self.failures = 0

    def observe(self, seen: Observed) -> None:
        """Tell them all."""
        for observer in self._observers if seen.texts else ():
            try:
                observer.observe(seen)
            except Exception as error:  # noqa: BLE001 (whatever is wrong with a dashboard, the profiles go on)
                self.failures += 1
                if self.failures & (self.failures - 1) == 0:  # the first, second, fourth, ...: a log stays readable
                    name = type(observer).__name__
                    log.warning("observer failed", observer=name, failures=self.failures, error=repr(error))
