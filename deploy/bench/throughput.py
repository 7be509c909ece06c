"""Rounds in which everything has its turn, so that a noisy machine is noisy for all: ceiling, Triton, pipeline.

Every round compares with its own ceiling, and what is reported is the median of the rounds' ratios.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from statistics import median
from typing import Any

from rich.progress import Progress

from .. import wiring
from ..demo.datasets import PACKAGE, read_chitchat
from ..local.packages import fetch_package
from .load import clicks, messages
from .measure import BATCH, USERS, texts_a_second
from .world import Pass, World

WORDS_LONG = 50
KNOWN_TEXTS = 200
_TRITON_CALLS = 2  # at a time: one is worked on while another is on its way


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured in a round.

    Attributes:
        texts: Distinct texts.
        words: In each of them.
        long_texts: Distinct texts of 50 words.
        known: Messages whose texts the worker knows.
        clicks: Events without a text.
    """

    texts: int = 4000
    words: int = 12
    long_texts: int = 1600
    known: int = 120_000
    clicks: int = 180_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round; texts or events a second, and all of each pass."""

    ceiling: float
    ceiling_50: float
    triton: float | None
    distinct: Pass
    texts_50: Pass
    repetition: Pass
    known_texts: Pass
    without_text: Pass

    @property
    def ratio(self) -> float:
        """Pipeline to ceiling, distinct texts."""
        return self.distinct.rate / self.ceiling

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self) | {"pipeline": self.distinct.rate, "ratio": self.ratio}


async def measure_throughput(world: World, sizes: Sizes, rounds: int, progress: Progress) -> list[Round]:
    """All rounds but the first, which warms everything up."""
    real = real_messages(world, sizes.texts)
    turns = progress.track(range(rounds + 1), description="throughput, rounds")
    return [await _round(world, sizes, next(real)) for _ in turns][1:]


async def _round(world: World, sizes: Sizes, real: list[str]) -> Round:
    """One turn of everything; what is compared is measured side by side."""
    known = world.texts(KNOWN_TEXTS, sizes.words)
    await world.through(messages(f"learn-{world.number()}", known, USERS))
    ceiling = await texts_a_second(world.alone, world.texts(sizes.texts, sizes.words))
    distinct = await world.through(messages(_name(world), world.texts(sizes.texts, sizes.words), USERS))
    triton = await _triton(world, world.texts(sizes.texts, sizes.words)) if world.triton else None
    ceiling_50 = await texts_a_second(world.alone, world.texts(sizes.long_texts, WORDS_LONG))
    texts_50 = await world.through(messages(_name(world), world.texts(sizes.long_texts, WORDS_LONG), USERS))
    repetition = await world.through(messages(_name(world), real, USERS))
    again = [known[number % KNOWN_TEXTS] for number in range(sizes.known)]
    return Round(
        ceiling=ceiling,
        ceiling_50=ceiling_50,
        triton=triton,
        distinct=distinct,
        texts_50=texts_50,
        repetition=repetition,
        known_texts=await world.through(messages(_name(world), again, USERS)),
        without_text=await world.through(clicks(_name(world), sizes.clicks, USERS)),
    )


async def _triton(world: World, texts: Sequence[str]) -> float:
    """Texts a second of Triton alone: the same batches through our client, the next one under way meanwhile."""
    encoder, batches = world.triton, iter(range(0, len(texts), BATCH))
    assert encoder is not None  # noqa: S101 (only asked where it is)

    async def call() -> None:
        for at in batches:
            await encoder.embed(texts[at : at + BATCH])

    started = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(_TRITON_CALLS)))
    return len(texts) / (time.perf_counter() - started)


def real_messages(world: World, size: int) -> Iterator[list[str]]:
    """The demo's data in the order of its times, so many at a time: it repeats itself as people do."""
    conversations = read_chitchat(fetch_package(PACKAGE, wiring.home(world.settings)))
    everything = sorted((message.time, message.id, message.text) for one in conversations for message in one.messages)
    texts = (text for _, _, text in everything)
    while found := list(islice(texts, size)):
        yield found


def _name(world: World) -> str:
    return f"load-{world.number()}"


def summary(rounds: Sequence[Round]) -> dict[str, Any]:
    """Medians over the rounds, for `--json`."""

    def middle(of: Callable[[Round], float]) -> float:
        return median(map(of, rounds))

    def rate(of: Callable[[Round], Pass]) -> dict[str, Any]:
        passes = [of(entry) for entry in rounds]
        return {
            "events_per_second": middle(lambda entry: of(entry).rate),
            "updates_per_event": sum(p.updates for p in passes) / sum(p.events for p in passes),
            "update_bytes": sum(p.update_bytes for p in passes) / max(1, sum(p.updates for p in passes)),
            "cpu_us_per_event": {part: 1e6 * median(p.cpu[part] / p.events for p in passes) for part in passes[0].cpu},
            "users": USERS,
        }

    found: dict[str, Any] = {
        "pipeline_to_ceiling": round(middle(lambda entry: entry.ratio), 4),
        "ceiling_texts_per_second": round(middle(lambda entry: entry.ceiling), 1),
        "pipeline_events_per_second": round(middle(lambda entry: entry.distinct.rate), 1),
        "distinct": rate(lambda entry: entry.distinct) | {"ratio": middle(lambda entry: entry.ratio)},
        "texts_50": rate(lambda entry: entry.texts_50)
        | {
            "ceiling_texts_per_second": middle(lambda entry: entry.ceiling_50),
            "ratio": middle(lambda entry: entry.texts_50.rate / entry.ceiling_50),
        },
        "repetition": rate(lambda entry: entry.repetition),
        "known_texts": rate(lambda entry: entry.known_texts),
        "without_text": rate(lambda entry: entry.without_text),
        "rounds": [entry.as_dict() for entry in rounds],
    }
    if rounds[0].triton is not None:
        found["triton_alone"] = {
            "texts_per_second": middle(lambda entry: entry.triton or 0.0),
            "ratio": middle(lambda entry: (entry.triton or 0.0) / entry.ceiling),
        }
    return found
