"""Profiles in a Redis Cluster (or Valkey's): those of a group of users lie beside its watermarks, see `groups.py`.

Watermarks. Each group holds those of all partitions, also a group without a profile. What counts of a partition is the
lowest of all groups, 0 where one group has none: it lost it, or a crash left the first ones half written. So whichever
node forgot something, reading begins where nothing is missing from any group; what the others have is skipped.

Lives. Which life a node is in, its replication id tells (`master_replid`): it is another one after a start and after a
failover, also where a primary was replaced and came back without having been started anew, which its run id would hide.
With the watermarks we take down the life of each group's node. Whoever owns the group afterwards without being that
node in that life may lack what it acknowledged, and gets no write: the server itself compares, in the same script that
writes. A slot that moves takes its watermarks along; to read them again then costs a replay of little.
"""

import asyncio
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Self, cast
from urllib.parse import urlsplit

import orjson
from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisClusterException

from ...schemas.errors import ConfigurationError, LostWritesError, StoreUnavailableError
from .base import Stored, Write
from .groups import group_of, groups, user_of
from .nodes import Answer, Cluster, Command, Nodes
from .redis import PREFIX, RedisStore, revision_bytes, split, translated

# KEYS[1] the group's watermarks or a profile; ARGV[1] the lives in which it may be written, '' for any.
_SAME_LIFE = """
if ARGV[1] ~= '' then
  local life = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  if not string.find(ARGV[1], life, 1, true) then return -1 end
end
"""
# ARGV[2] the revision that we read ('' for none); ARGV[3] the new value.
_COMPARE_AND_SET = (
    _SAME_LIFE
    + """
if redis.call('GETRANGE', KEYS[1], 0, 7) ~= ARGV[2] then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
return 1
"""
)
# ARGV[2]: partition and offset in turn, as texts in JSON.
_SET_WATERMARKS = (
    _SAME_LIFE
    + """
redis.call('HSET', KEYS[1], unpack(cjson.decode(ARGV[2])))
return 1
"""
)
_ANOTHER_LIFE = -1


class ClusterStore(RedisStore):
    """A ProfileStore on a Redis Cluster.

    Args:
        cluster: Gives bytes (`decode_responses=False`).
        seeds: Addresses to find the cluster by when all nodes that were known are gone.
    """

    def __init__(self, cluster: Cluster, seeds: Sequence[tuple[str, int]] = ()) -> None:
        # The client for all else that is kept beside profiles: it has the same commands, on one key each.
        self.client = cast("Redis", cluster)
        self._nodes = Nodes(cluster, seeds)
        self._lives: Sequence[str] | None = None  # by group, those in which it may be written; None: any

    @classmethod
    def connect(cls, url: str, timeout: float = 5.0) -> Self:
        """A store at `redis://…` or `rediss://…`, several of them with commas between; connects at the first call.

        Args:
            url: Of some nodes of the cluster, which name the others; user, password and options are the first one's.
            timeout: Seconds to wait for an answer.

        Raises:
            ConfigurationError: A URL is not one of Redis Cluster.
        """
        try:
            first, *others = re.split(r",(?=rediss?://)", url)
            seeds = [_address(each) for each in (first, *others)]
            cluster = Cluster.from_url(
                first,
                startup_nodes=[ClusterNode(*seed) for seed in seeds[1:]],
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=Retry(NoBackoff(), 0),
            )
        except (ValueError, RedisClusterException) as error:
            raise ConfigurationError(f"redis_url: {error}") from error
        return cls(cast("Cluster", cluster), seeds)

    async def load(self, users: Sequence[str]) -> list[Stored | None]:
        """See ProfileStore."""
        # A key a command: MGET fails while the slot of its keys is being moved.
        numbers = [group_of(user) for user in users]
        commands = [
            Command(group.slot, ("GET", group.profile(user)))
            for user, group in zip(users, map(groups().__getitem__, numbers), strict=True)
        ]
        with translated():
            answers = await self._nodes.run(commands)
        for number, answer in zip(numbers, answers, strict=True):
            self._insist(number, answer)
        return [None if answer.value is None else split(answer.value) for answer in answers]

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """See ProfileStore."""
        commands = []
        for write in writes:
            number = group_of(write.user)
            value = revision_bytes(write.after.revision) + write.state
            key = groups()[number].profile(write.user)
            commands.append(self._scripted(_COMPARE_AND_SET, number, key, revision_bytes(write.expected), value))
        return [done == 1 for done in await self._write(_COMPARE_AND_SET, commands)]

    async def watermarks(self) -> dict[str, int]:
        """See ProfileStore."""
        with translated():
            await self._nodes.refresh()
            # First the lives, then what was stored in them: should one end in between, the next call will tell.
            lives = await self._lives_now()
            answers = await self._nodes.run([Command(group.slot, ("HGETALL", group.watermarks)) for group in groups()])
        if any(answer.life not in life for answer, life in zip(answers, lives, strict=True)):
            raise StoreUnavailableError("Redis Cluster is changing: slots moved or a node took over just now")
        self._lives = lives
        return lowest([answer.value for answer in answers])

    async def peek_watermarks(self) -> dict[str, int]:
        """See RedisStore."""
        with translated():
            answers = await self._nodes.run([Command(group.slot, ("HGETALL", group.watermarks)) for group in groups()])
        return lowest([answer.value for answer in answers])

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """See ProfileStore."""
        if offsets:
            words = orjson.dumps([word for name, offset in offsets.items() for word in (name, str(offset))])
            keys = enumerate(group.watermarks for group in groups())
            await self._write(
                _SET_WATERMARKS, [self._scripted(_SET_WATERMARKS, number, key, words) for number, key in keys]
            )

    async def check(self) -> None:
        """See ProfileStore."""
        with translated():
            nodes = await self._nodes.primaries()
            lives = dict(zip(nodes, await asyncio.gather(*map(self._nodes.life, nodes)), strict=True))
            for number, group in enumerate(groups()):
                self._insist(number, Answer(None, lives[self._nodes.owner(group.slot)]))

    async def users(self) -> AsyncIterator[str]:
        """See ProfileStore. While slots are being moved, a user may be left out."""
        with translated():
            async for key in self.client.scan_iter(match=PREFIX + "{g*}:*", count=1000):
                yield user_of(cast("bytes", key))

    async def close(self) -> None:
        """See ProfileStore."""
        await self._nodes.close()

    def _scripted(self, script: str, group: int, key: str, *words: str | bytes | int) -> Command:
        lives = self._lives[group] if self._lives else ""
        return Command(groups()[group].slot, ("EVALSHA", _sha1(script), 1, key, lives, *words))

    async def _write(self, script: str, commands: Sequence[Command]) -> list[int]:
        with translated():
            done = [answer.value for answer in await self._nodes.run(commands, script)]
        if _ANOTHER_LIFE in done:
            raise _lost()
        return done

    def _insist(self, group: int, answer: Answer) -> None:
        if self._lives and answer.life not in self._lives[group]:
            raise _lost()

    async def _lives_now(self) -> list[str]:
        """For each group the life of its node; while its slot is being moved, also of the one that will have it."""
        nodes = await self._nodes.primaries()
        said = await asyncio.gather(*(self._nodes.ask(node, ("CLUSTER NODES",)) for node in nodes))
        lives = dict(zip(nodes, await asyncio.gather(*map(self._nodes.life, nodes)), strict=True))
        moving = {slot: await self._nodes.life(self._nodes.node(to)) for [view] in said for slot, to in _moving(view)}
        return [
            " ".join(filter(None, (lives[self._nodes.owner(group.slot)], moving.get(group.slot)))) for group in groups()
        ]


def lowest(watermarks: Sequence[Mapping[bytes, bytes]]) -> dict[str, int]:
    """Up to where nothing is missing from any group, by `topic-partition`; one that a group does not have is left out.

    Args:
        watermarks: Of all groups.
    """
    offsets = [{name: int(offset) for name, offset in group.items()} for group in watermarks]
    known = Counter(name for group in offsets for name in group)
    return {
        name.decode(): min(group[name] for group in offsets) for name, having in known.items() if having == len(offsets)
    }


def _moving(view: Mapping[str, Mapping[str, Any]]) -> list[tuple[int, str]]:
    """The slots that a node is giving away now, and the addresses of those who get them, out of its CLUSTER NODES."""
    addresses = {node["node_id"]: address for address, node in view.items()}
    return [
        (int(move["slot"]), addresses[move["node_id"]])
        for node in view.values()
        for move in node["migrations"]
        if move["state"] == "migrating"
    ]


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("give redis://host:port of some nodes of the cluster, with commas between")
    return parts.hostname, parts.port or 6379


def _sha1(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _lost() -> LostWritesError:
    return LostWritesError(
        "a node of Redis Cluster was started again, another one took over, or slots were moved; what was acknowledged "
        "may be gone: read again from its watermarks"
    )
