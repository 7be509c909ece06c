"""How long things take, told once a batch: never once an event."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from .ports import Record

Stage = Literal["decode", "embed", "apply", "publish"]


class Timings:
    """Tells nobody; metrics are told by a class that overrides `observe` and `finished`."""

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Measure a block that did what it should."""
        begun = time.perf_counter()
        yield
        self.observe(name, time.perf_counter() - begun)

    def batch(self, records: Sequence[Record]) -> None:
        """The updates of a batch are acknowledged."""
        if records:
            oldest = min(record.timestamp for record in records)
            self.finished(len(records), max(0.0, time.time() - oldest / 1000))

    def observe(self, stage: Stage, seconds: float) -> None:
        """A batch took so long in a stage."""

    def finished(self, events: int, seconds: float) -> None:
        """A batch of so many events is done, so long after its oldest one was written to Kafka."""
