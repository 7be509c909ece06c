"""What changes with more workers, and with more users."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, cast

from rich.progress import Progress

from ...stream.store.redis import PREFIX
from .load import clicks, messages
from .measure import USERS
from .world import Pass, World

_SAMPLED = 500  # profiles whose size is looked at
_CHUNK = 20_000  # events that are encoded at a time
_LEAST = 20_000  # events of a measurement
_MOST_MADE = 100_000  # users whose profiles are made by events
_SEEDS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much of each kind of event."""

    texts: int = 2000
    clicks: int = 60_000
    words: int = 12
    rounds: int = 2


async def measure_workers(world: World, amount: Amount, progress: Progress) -> dict[str, Any]:
    """One worker, two, and one again: what the machine did meanwhile shows in the difference of the two ones.

    Args:
        world: With one worker.
        amount: How much to send.
        progress: Where to show it.
    """
    found: dict[int, list[tuple[Pass, Pass]]] = {1: [], 2: []}
    try:
        for count in progress.track((1, 2, 1), description="workers"):
            await world.more_workers(count)
            for number in range(amount.rounds + 1):
                pair = await _pair(world, amount)
                if number:  # the first one after a rebalance warms up
                    found[count].append(pair)
    finally:
        await world.more_workers(1)
    return {
        kind: {
            "one_events_per_second": median(pair[index].rate for pair in found[1]),
            "two_events_per_second": median(pair[index].rate for pair in found[2]),
            "ratio": median(pair[index].rate for pair in found[2]) / median(pair[index].rate for pair in found[1]),
        }
        for index, kind in enumerate(("distinct", "without_text"))
    }


async def _pair(world: World, amount: Amount) -> tuple[Pass, Pass]:
    texts = world.texts(amount.texts, amount.words)
    return (
        await world.through(messages(f"shared-{world.number()}", texts, USERS)),
        await world.through(clicks(f"shared-{world.number()}", amount.clicks, USERS)),
    )


async def measure_users(world: World, sizes: Sequence[int], progress: Progress) -> list[dict[str, Any]]:
    """For each number of users: an event each makes their profiles, then events of all come in turn.

    Beyond 100,000 users the profiles are copies of such that events made, written to Redis directly: to make them all
    would take minutes. It is said with the figures.

    Args:
        world: With one worker.
        sizes: Numbers of users.
        progress: Where to show it.
    """
    found = []
    for users in progress.track(sizes, description="users"):
        prefix, copied = f"of-{users}-", users > _MOST_MADE
        made = None if copied else await _events(world, users, users, prefix)
        if copied:
            await _copy(world, users, prefix)
        again = await _events(world, users, max(_LEAST, min(users, _MOST_MADE)), prefix)
        found.append(
            {
                "users": users,
                "profiles_are_copies": copied,
                "events_per_second_new": made and made.rate,
                "events_per_second": again.rate,
                "updates_per_event": again.updates / again.events,
                "cpu_us_per_event": {part: 1e6 * used / again.events for part, used in again.cpu.items()},
                "profile_bytes": await _sizes(world, users, prefix),
            }
        )
    return found


async def _events(world: World, users: int, count: int, prefix: str) -> Pass:
    """Events of users in turn, so that nobody comes twice before everybody came."""
    passes: list[Pass] = []
    for first in range(0, count, _CHUNK):
        load = clicks(f"of-{world.number()}", min(_CHUNK, count - first), users, prefix, first)
        passes.append(await world.through(load))
    return Pass(
        events=sum(one.events for one in passes),
        seconds=sum(one.seconds for one in passes),
        updates=sum(one.updates for one in passes),
        update_bytes=sum(one.update_bytes for one in passes),
        cpu={part: sum(one.cpu[part] for one in passes) for part in passes[0].cpu},
    )


async def _copy(world: World, users: int, prefix: str) -> None:
    """Give each user one of a thousand profiles that events made."""
    await _events(world, _SEEDS, _SEEDS, "seed-")
    found = await world.store.client.mget([f"{PREFIX}seed-{number}" for number in range(_SEEDS)])
    seeds = cast("list[bytes]", found)
    for first in range(0, users, _CHUNK):
        last = min(users, first + _CHUNK)
        values = {f"{PREFIX}{prefix}{number}": seeds[number % _SEEDS] for number in range(first, last)}
        await world.store.client.mset(values)


async def _sizes(world: World, users: int, prefix: str) -> dict[str, float]:
    """Bytes of a profile as it lies in Redis, of a sample over all users, and with Redis's own around it."""
    step = max(1, users // _SAMPLED)
    keys = [f"{PREFIX}{prefix}{number}" for number in range(0, users, step)]
    async with world.store.client.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.strlen(key)
            pipe.memory_usage(key, samples=0)
        answers = await pipe.execute()
    values, whole = answers[::2], [size for size in answers[1::2] if size]
    return {"median": median(values), "largest": max(values), "median_in_redis": median(whole) if whole else 0}
