"""`make bench`: rounds of ceiling and pipeline in turn, so that a noisy machine is noisy for both."""

import asyncio
import os
import platform
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from ...inference.local import LocalEmbedder
from ...stream.kafka.sink import start_producer
from ...stream.worker.status import read_statuses
from .. import wiring
from ..demo.accounting import Ledger
from ..demo.watching import Watcher
from ..local.children import worker
from ..local.stack import Encoder, LocalStack
from ..prepare import Prepared, publish_models
from ..settings import Settings
from ..topics import ensure_topics
from .api import ApiFigures, measure_api
from .measure import ceiling, pipeline
from .texts import distinct_texts, vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """How much to measure."""

    rounds: int = 5
    texts: int = 4000
    words: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round, in events a second."""

    ceiling: float
    pipeline: float

    @property
    def ratio(self) -> float:
        """Pipeline to ceiling."""
        return self.pipeline / self.ceiling


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came out; the ratio is the median over the rounds, each of which has its own ceiling."""

    options: BenchOptions
    rounds: list[Round]
    worker_memory: int
    encoder: str
    api: ApiFigures

    @property
    def pipeline_to_ceiling(self) -> float:
        """Median ratio."""
        return median(entry.ratio for entry in self.rounds)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "pipeline_to_ceiling": round(self.pipeline_to_ceiling, 4),
            "ceiling_texts_per_second": round(median(entry.ceiling for entry in self.rounds), 1),
            "pipeline_events_per_second": round(median(entry.pipeline for entry in self.rounds), 1),
            "rounds": [asdict(entry) | {"ratio": entry.ratio} for entry in self.rounds],
            "worker_memory_bytes": self.worker_memory,
            "encoder": self.encoder,
            "api": self.api.as_dict(),
            **asdict(self.options),
            "machine": {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()},
        }

    def table(self) -> Table:
        """For the screen."""
        table = Table(
            "round", "ceiling (texts/s)", "pipeline (events/s)", "ratio", title=f"distinct texts, {self.encoder}"
        )
        for number, entry in enumerate(self.rounds, start=1):
            table.add_row(str(number), f"{entry.ceiling:,.0f}", f"{entry.pipeline:,.0f}", f"{entry.ratio:.2f}")
        table.add_row("median", "", "", f"[bold]{self.pipeline_to_ceiling:.2f}[/]")
        return table


async def run_bench(settings: Settings, options: BenchOptions, prepared: Prepared, console: Console) -> Result:
    """Measure on a local stack of its own.

    Raises:
        SetupError: Something cannot start.
    """
    encoder = Encoder(repository=wiring.repository(settings), models=[settings.model])
    async with LocalStack(
        wiring.home(settings), encoder=encoder, kafka_home=settings.kafka_home, report=console.print
    ) as stack:
        here = wiring.at(settings, stack.addresses)
        await ensure_topics(wiring.kafka(here), here.partitions)
        await publish_models(here, prepared)
        await stack.start(lambda: worker(here))
        rounds = await _rounds(here, options, prepared, console)
        store = wiring.store(here)
        try:
            memory = max(said["memory"] for said in (await read_statuses(store.client)).values())
        finally:
            await store.close()
        api = await measure_api(here, stack)  # the worker is idle now
        served = "Triton" if stack.addresses.triton else "the in-process twin"
    return Result(
        options=options, rounds=rounds, worker_memory=memory, encoder=f"{settings.model} in {served}", api=api
    )


async def _rounds(settings: Settings, options: BenchOptions, prepared: Prepared, console: Console) -> list[Round]:
    words = vocabulary(prepared.encoder.artefacts / "tokenizer.json")
    alone = LocalEmbedder(prepared.encoder.path)
    ledger = Ledger()
    watcher = Watcher(wiring.kafka(settings), ledger)
    producer = await start_producer(wiring.kafka(settings), idempotent=settings.kafka_idempotent)
    watching = asyncio.create_task(watcher.run())
    rounds: list[Round] = []
    try:
        await watcher.ready.wait()
        with Progress(console=console) as progress:
            for number in progress.track(range(options.rounds + 1), description="rounds"):
                texts = [
                    list(distinct_texts(words, count=options.texts, length=options.words, seed=2 * number + turn))
                    for turn in (0, 1)
                ]
                entry = Round(
                    ceiling=await ceiling(alone, texts[0]),
                    pipeline=await pipeline(producer, watcher, ledger, texts[1]),
                )
                if number:  # the first one warms everything up
                    rounds.append(entry)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await producer.stop()
        await alone.close()
    return rounds
