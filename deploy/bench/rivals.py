"""Our worker and each peer in turn on the same work, round after round; the other one is idle meanwhile.

A peer's result counts only if all of it is there: every event in a profile, every profile in an update, and what Redis
holds is what the last update says.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import Any

from rich.progress import Progress

from ...schemas.codec import decode_update
from ...schemas.errors import SetupError
from .. import wiring
from ..local.process import Server, ServerProcess
from ..topics import Topic, ensure_topics
from .load import Load, clicks, messages
from .measure import USERS
from .peers import PEERS, Peer
from .peers.environment import missing, python_of
from .peers.launch import command_of, variables
from .tally import Tally
from .world import Pass, World, following, through

_START_SECONDS = 90.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """How much of each kind of event in a round.

    Attributes:
        rounds: That count.
        words: In a text.
        texts: For our worker; at most so many for a peer.
        clicks: Events without a text, likewise.
        seconds: So long a peer should take for its share, however slow it is.
    """

    rounds: int = 3
    words: int = 12
    texts: int = 3000
    clicks: int = 120_000
    seconds: float = 4.0


_TRIAL = {"distinct": 60, "without_text": 200}  # events by which a peer's share is found


@dataclass(slots=True)
class _Rival:
    """A peer that runs.

    Attributes:
        name: Its users' names begin with it.
        sent: Events that it was given.
    """

    name: str
    events: str
    tally: Tally
    process: ServerProcess
    sent: int = 0


async def measure_peers(world: World, names: Sequence[str], contest: Contest, progress: Progress) -> dict[str, Any]:
    """One after the other, each beside our own worker; one that cannot run, or loses something, says so."""
    found: dict[str, Any] = {}
    for name in progress.track(names, description="peers"):
        try:
            found[name] = {"title": PEERS[name].title} | await _measure(world, name, contest)
        except (SetupError, OSError) as error:
            found[name] = {"title": PEERS[name].title, "left_out": str(error)}
    return found


async def _measure(world: World, name: str, contest: Contest) -> dict[str, Any]:
    peer = PEERS[name]
    if reason := missing(peer):
        raise SetupError(reason)
    python = await asyncio.to_thread(python_of, peer, wiring.home(world.settings), world.console.print)
    tag = f"{name}-{world.number()}"
    events, updates = f"bench-{tag}-events", f"bench-{tag}-updates"
    await ensure_topics(
        wiring.kafka(world.settings), world.settings.partitions, topics=(Topic(name=events), Topic(name=updates))
    )
    async with following(world.settings, updates) as tally:
        plan = partial(_server, world, peer, command_of(peer, python, tag, world.stack.run), events, updates, tag)
        process = await world.stack.start(plan)
        try:
            rival = _Rival(f"{tag}-", events, tally, process)
            await _begin(world, rival)
            rounds = [await _round(world, rival, contest, _TRIAL)]
            for _ in range(contest.rounds + 1):
                rounds.append(await _round(world, rival, contest, _share(rounds[-1], contest)))
            await _verify(world, rival)
        finally:
            await world.stack.end(process)
    return _summary(rounds[2:])  # the trial is short, and the next round is the first of its size


def _server(world: World, peer: Peer, command: tuple[str, ...], events: str, updates: str, group: str) -> Server:
    async def ready() -> bool:
        return True  # it says so by its first update

    return Server(
        name=f"peer-{peer.module}",
        address=f"{peer.title} process",
        command=command,
        ready=ready,
        environment=variables(peer, world.settings, events, updates, group),
        stop_within=5.0,
    )


async def _begin(world: World, rival: _Rival) -> None:
    """Wait until it works: with one event, then with some of both kinds."""
    first = asyncio.ensure_future(_through(world, rival, clicks(f"first-{world.number()}", 1, 1, rival.name)))
    ended = asyncio.ensure_future(rival.process.wait())
    try:
        async with asyncio.timeout(_START_SECONDS):
            await asyncio.wait({first, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not first.done():
            raise rival.process.failure()
        first.result()
    except TimeoutError:
        raise SetupError(
            f"nothing came of it within {_START_SECONDS:.0f} s; its log: {rival.process.log_path}"
        ) from None
    finally:
        first.cancel()
        ended.cancel()
        await asyncio.gather(first, ended, return_exceptions=True)


async def _round(world: World, rival: _Rival, contest: Contest, share: dict[str, int]) -> dict[str, Pass]:
    """Both kinds of events, ours and theirs side by side."""

    def texts(count: int, prefix: str) -> Load:
        made = world.texts(count, contest.words)
        return messages(f"contest-{world.number()}", made, USERS, prefix)

    def plain(count: int, prefix: str) -> Load:
        return clicks(f"contest-{world.number()}", count, USERS, prefix)

    return {
        "our_distinct": await world.through(texts(contest.texts, "user-")),
        "distinct": await _through(world, rival, texts(share["distinct"], rival.name)),
        "our_without_text": await world.through(plain(contest.clicks, "user-")),
        "without_text": await _through(world, rival, plain(share["without_text"], rival.name)),
    }


def _share(before: dict[str, Pass], contest: Contest) -> dict[str, int]:
    """As many events as a peer does in the time that it is given, by what it did before; at most as many as we get."""
    most = {"distinct": contest.texts, "without_text": contest.clicks}
    return {
        kind: max(_TRIAL[kind], min(limit, round(contest.seconds * before[kind].rate))) for kind, limit in most.items()
    }


async def _through(world: World, rival: _Rival, load: Load) -> Pass:
    rival.sent += len(load)
    pids = {name: ids for name, ids in world.pids().items() if name != "worker" and not name.startswith("peer-")}
    return await through(world, load, rival.events, rival.tally, pids | {"peer": [rival.process.pid]})


async def _verify(world: World, rival: _Rival) -> None:
    """Compare what was sent, what the updates say, and what Redis holds.

    Raises:
        SetupError: They differ.
    """
    last = {user.decode(): decode_update(value) for user, value in rival.tally.last.items()}
    counted = sum(update.events for update in last.values())
    if counted != rival.sent:
        raise SetupError(f"its profiles count {counted} events of {rival.sent}")
    stored = await world.store.load(list(last))
    for update, held in zip(last.values(), stored, strict=True):
        if held is None or (held.revision, held.state) != (update.revision, update.state):
            raise SetupError(f"Redis does not hold what the last update of {update.user} says")


def _summary(rounds: list[dict[str, Pass]]) -> dict[str, Any]:
    """Medians, and of each round's ratios: ours to theirs."""

    def middle(kind: str) -> float:
        return median(entry[kind].rate for entry in rounds)

    def ratio(kind: str) -> float:
        return median(entry[f"our_{kind}"].rate / entry[kind].rate for entry in rounds)

    theirs = [entry["distinct"] for entry in rounds]
    plain = [entry["without_text"] for entry in rounds]
    return {
        "events_per_second": middle("distinct"),
        "ratio": ratio("distinct"),
        "our_events_per_second": middle("our_distinct"),
        "without_text": {
            "events_per_second": middle("without_text"),
            "ratio": ratio("without_text"),
            "our_events_per_second": middle("our_without_text"),
            "updates_per_event": sum(p.updates for p in plain) / sum(p.events for p in plain),
        },
        "updates_per_event": sum(p.updates for p in theirs) / sum(p.events for p in theirs),
        "cpu_us_per_event": {part: 1e6 * median(p.cpu[part] / p.events for p in theirs) for part in theirs[0].cpu},
        "rounds": [{kind: asdict(one) for kind, one in entry.items()} for entry in rounds],
        "verified": True,
    }
