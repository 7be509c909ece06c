"""The oracle: it sees each way in which what is stored or written can be wrong."""

from collections.abc import Callable

import pytest

from profilestream.schemas.codec import decode_update, encode
from profilestream.stream.engine.memory import MemoryLog
from profilestream.stream.engine.ports import Partition
from profilestream.stream.simulation.history import Producer
from profilestream.stream.simulation.oracle import Findings, examine
from profilestream.stream.simulation.world import TOPIC, World
from profilestream.stream.store.base import Stored
from tests.stream.simulation.peace import calm, in_peace


async def after(wrong: Callable[[World], None]) -> Findings:
    """What the oracle says of a peaceful history that somebody tampered with at the end."""
    world = World(calm(), fenced=True)
    world.start_worker(0)
    await Producer(world).run(60)
    assert await world.settle()
    wrong(world)
    findings = await examine(world.log, TOPIC, world.server.profiles)
    await world.close()
    return findings


def a_user(world: World) -> str:
    """One of those with a profile."""
    return sorted(world.server.profiles)[0]


def forget_a_profile(world: World) -> None:
    """As a store that evicts keys."""
    del world.server.profiles[a_user(world)]


def write_unseen(world: World) -> None:
    """An event that no worker has read."""
    first = world.log.read(Partition(TOPIC, 0), 0, 1)[0]
    world.log.append(TOPIC, first.key, (first.value or b"").replace(b"event-", b"evenT-"), timestamp=first.timestamp)


def forget_the_log(world: World) -> None:
    """Profiles without a single event."""
    world.log = MemoryLog()


def leave_alone(_: World) -> None:
    """Nothing is wrong."""


def give_to_another(world: World) -> None:
    """Put one user's state in another one's place."""
    ours, theirs = sorted(world.server.profiles)[:2]
    world.server.profiles[ours] = Stored(world.server.profiles[ours].revision, world.server.profiles[theirs].state)


def publish_an_old_update(world: World) -> None:
    """A revision that the store does not know, then one below it."""
    message = world.log.messages("profile-updates")[0]
    update = decode_update(message.value)
    for revision in (update.revision + 1000, update.revision):
        changed = encode(type(update)(**{**{f: getattr(update, f) for f in update.__slots__}, "revision": revision}))
        world.log.append("profile-updates", message.key, changed)


def test_peace_has_no_findings() -> None:
    """All events in, one update or more each, nothing else."""
    findings = in_peace(after(leave_alone))
    assert findings == Findings(events=60)


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (forget_a_profile, ("lost",)),
        (write_unseen, ("lost",)),
        (give_to_another, ("doubled", "stale")),
        (publish_an_old_update, ("backward", "stale", "stale_at_end")),
        (forget_the_log, ("trouble",)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_wrong_is_found(wrong: Callable[[World], None], found: tuple[str, ...]) -> None:
    """And counted under its name."""
    findings = in_peace(after(wrong))
    assert all(getattr(findings, name) for name in found), findings
