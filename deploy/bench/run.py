"""`make bench`: one run, section after section; one that fails says so, and the others go on.

Each section has a stack of its own: what one leaves in the broker, in Redis and in a worker's caches would slow down
the next one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ...schemas.errors import ConfigurationError
from ..prepare import Prepared
from ..settings import Settings
from .api import measure_api
from .latency import measure_latency
from .load import messages
from .machine import describe_machine
from .measure import USERS
from .memory import EVENTS, measure_memory
from .peers import PEERS
from .rivals import Contest, measure_peers
from .scale import Amount, measure_users, measure_workers
from .throughput import Sizes, measure_throughput, summary
from .world import World, world

SECTIONS = ("api", "pipeline", "latency", "workers", "memory", "peers", "users")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What to measure, and how much.

    Attributes:
        only: Sections.
        rounds: Of the pipeline that count, after one to warm up.
        sizes: Of a round of the pipeline.
        amount: Of a round of the workers.
        memory_events: Over how many events memory is watched.
        users: Numbers of users.
        peers: By name.
        contest: Of a round beside a peer.
    """

    only: Sequence[str] = SECTIONS
    rounds: int = 3
    sizes: Sizes = field(default_factory=Sizes)
    amount: Amount = field(default_factory=Amount)
    memory_events: int = EVENTS
    users: Sequence[int] = (1_000, 10_000, 100_000, 1_000_000)
    peers: Sequence[str] = tuple(PEERS)
    contest: Contest = field(default_factory=Contest)

    def __post_init__(self) -> None:
        """Names that do not exist are refused before anything starts."""
        for names, known in ((self.only, SECTIONS), (self.peers, PEERS)):
            if unknown := [name for name in names if name not in known]:
                raise ConfigurationError(f"bench knows no {', '.join(unknown)}: it has {', '.join(known)}")


async def run_bench(
    settings: Settings,
    options: BenchOptions,
    prepared: Prepared,
    console: Console,
    keep: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure on a local stack of its own; what came out, by the names that `--json` has.

    Args:
        settings: Their addresses do not matter.
        options: What to measure.
        prepared: The models.
        console: Where to show how far it is.
        keep: Given what was found after each section: whoever stops a long run keeps what it has.

    Raises:
        SetupError: The stack or its worker cannot start.
    """
    found: dict[str, Any] = {"machine": describe_machine(settings.kafka_home), "failed": {}}
    found |= {"texts": options.sizes.texts, "words": options.sizes.words}
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        sections = _Sections(settings, prepared, options, found, progress)
        for name in [section for section in SECTIONS if section in options.only]:
            await _section(name, getattr(sections, name), found, console)
            keep(found)
    return found


async def _section(
    name: str, measure: Callable[[], Awaitable[dict[str, Any]]], found: dict[str, Any], console: Console
) -> None:
    """Add what a section finds, or why it found nothing."""
    try:
        found |= await measure()
    except Exception as error:
        log.warning("section failed", section=name, exc_info=True)
        found["failed"][name] = str(error) or repr(error)
        console.print(f"[red]{name} failed:[/] {found['failed'][name]}", soft_wrap=True, highlight=False)


@dataclass(frozen=True, slots=True)
class _Sections:
    """Each section by its name."""

    settings: Settings
    prepared: Prepared
    options: BenchOptions
    found: dict[str, Any]
    progress: Progress

    async def pipeline(self) -> dict[str, Any]:
        async with self._fresh() as here:
            rounds = await measure_throughput(here, self.options.sizes, self.options.rounds, self.progress)
            return summary(rounds) | {"worker_memory_bytes": await _worker_memory(here)}

    async def latency(self) -> dict[str, Any]:
        return {"latency": await measure_latency(self._fresh, self.options.sizes.words, self.progress)}

    async def workers(self) -> dict[str, Any]:
        amount = self.options.amount
        async with self._fresh() as here:
            return {"workers": await measure_workers(here, amount, self.progress) | asdict(amount)}

    async def users(self) -> dict[str, Any]:
        async with self._fresh() as here:
            return {"users": await measure_users(here, self.options.users, self.progress)}

    async def memory(self) -> dict[str, Any]:
        async with self._fresh() as here:
            return {"memory": await measure_memory(here, self.options.memory_events, self.progress)}

    async def api(self) -> dict[str, Any]:
        async with self._fresh() as here:
            await here.through(messages(f"read-{here.number()}", here.texts(USERS, self.options.sizes.words), USERS))
            return {"api": (await measure_api(here.settings, here.stack)).as_dict()}

    async def peers(self) -> dict[str, Any]:
        async with self._fresh() as here:
            return {"peers": await measure_peers(here, self.options.peers, self.options.contest, self.progress)}

    @asynccontextmanager
    async def _fresh(self) -> AsyncIterator[World]:
        """A stack; the first one says what runs."""
        again = "encoder" in self.found
        async with world(self.settings, self.prepared, self.progress.console, quiet=again) as here:
            self.found["encoder"] = f"{self.settings.model} in {'Triton' if here.triton else 'the in-process twin'}"
            yield here


async def _worker_memory(here: World) -> int:
    """Resident bytes of the largest worker."""
    return max(int(said["memory"]) for said in await here.statuses())
