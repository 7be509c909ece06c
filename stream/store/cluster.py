"""Profiles in a Redis Cluster (or Valkey's): those of a group of users lie beside its watermarks, see `groups.py`.

Watermarks. Each group holds those of all partitions, also a group without a profile. What counts of a partition is the
lowest of all groups, 0 where one group has none: it lost it, or a crash left the first ones half written. So whichever
node forgot something, reading begins where nothing is missing from any group; what the others have is skipped.

Lives. With the watermarks we take down in which life each group's node is, see `lives.py`. Whoever has the group later
without being that node in that life may lack what it acknowledged, and gets no write: the server itself compares, in
the script that writes. Where a slot is handed on in the way that Redis Cluster provides for, its group follows; of a
new node we hear only then, so that the watermarks, which came along, are read again.
"""

import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Self, cast
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
from .lives import Lives
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
        self._lives: Lives | None = None  # None: any will do
        self._marks: dict[str, int] = {}  # the watermarks that every group had when we looked or wrote last

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
        numbers = [group_of(user) for user in users]
        # A key a command: MGET fails while the slot of its keys is being moved.
        words = [("GET", groups()[number].profile(user)) for number, user in zip(numbers, users, strict=True)]
        answers = await self._run(
            numbers, lambda at: words[at], lambda at, answer: self._expected(numbers[at], answer.life)
        )
        return [None if answer.value is None else split(answer.value) for answer in answers]

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """See ProfileStore."""
        numbers = [group_of(write.user) for write in writes]
        keys = [groups()[number].profile(write.user) for number, write in zip(numbers, writes, strict=True)]
        values = [
            (revision_bytes(write.expected), revision_bytes(write.after.revision) + write.state) for write in writes
        ]
        return [done == 1 for done in await self._write(_COMPARE_AND_SET, numbers, keys, values)]

    async def watermarks(self) -> dict[str, int]:
        """See ProfileStore."""
        with translated():
            await self._nodes.refresh()
            # First the lives, then what was stored in them: should one end in between, the next call will tell.
            lives = await Lives.now(self._nodes)
            answers = await self._nodes.run(_all_watermarks())
        if any(answer.life not in lives.of(number) for number, answer in enumerate(answers)):
            raise StoreUnavailableError("Redis Cluster is changing: slots moved or a node took over just now")
        self._lives, self._marks = lives, lowest([answer.value for answer in answers])
        return dict(self._marks)

    async def peek_watermarks(self) -> dict[str, int]:
        """See RedisStore."""
        with translated():
            answers = await self._nodes.run(_all_watermarks())
        return lowest([answer.value for answer in answers])

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """See ProfileStore."""
        if offsets:
            words = orjson.dumps([word for name, offset in offsets.items() for word in (name, str(offset))])
            keys = [group.watermarks for group in groups()]
            await self._write(_SET_WATERMARKS, range(len(keys)), keys, [(words,)] * len(keys))
            self._marks |= offsets

    async def check(self) -> None:
        """See ProfileStore."""
        with translated():
            owners = await self._nodes.owners([group.slot for group in groups()])
            lives = await self._nodes.lives(owners)
            for number, owner in enumerate(owners):
                await self._insist(number, lives[owner])

    async def users(self) -> AsyncIterator[str]:
        """See ProfileStore. While slots are being moved, a user may be left out."""
        with translated():
            async for key in self.client.scan_iter(match=PREFIX + "{g*}:*", count=1000):
                yield user_of(cast("bytes", key))

    async def close(self) -> None:
        """See ProfileStore."""
        await self._nodes.close()

    async def _write(
        self, script: str, numbers: Sequence[int], keys: Sequence[str], words: Sequence[tuple[bytes, ...]]
    ) -> list[int]:
        """What a script says for each key, with these words besides."""
        name = _sha1(script)

        def command(at: int) -> tuple[str | bytes | int, ...]:
            lives = self._lives.of(numbers[at]) if self._lives else ""
            return "EVALSHA", name, 1, keys[at], lives, *words[at]

        answers = await self._run(numbers, command, lambda _, answer: answer.value != _ANOTHER_LIFE, script)
        return [answer.value for answer in answers]

    async def _run(
        self,
        numbers: Sequence[int],
        words: Callable[[int], tuple[str | bytes | int, ...]],
        good: Callable[[int, Answer], bool],
        script: str | None = None,
    ) -> list[Answer]:
        """Do a command for each of these groups; again, where the group was handed on meanwhile.

        Args:
            numbers: Of the groups.
            words: Of the command at a place.
            good: Whether the answer at a place is of a node, in a life, that may have the group.
            script: See `Nodes.run`.
        """
        answers: dict[int, Answer] = {}
        places = list(range(len(numbers)))
        with translated():
            while places:
                commands = [Command(groups()[numbers[at]].slot, words(at)) for at in places]
                answers |= zip(places, await self._nodes.run(commands, script), strict=True)
                places = [at for at in places if not good(at, answers[at])]
                for at in places:
                    await self._insist(numbers[at], answers[at].life)
        return [answers[at] for at in range(len(numbers))]

    async def _insist(self, number: int, life: str) -> None:
        """Raise unless a node in this life has the group by right."""
        # Several batches may follow a group at the same time.
        if self._lives and not self._expected(number, life):
            await self._lives.follow(number, self._marks)
            if not self._expected(number, life):
                raise _lost()

    def _expected(self, number: int, life: str) -> bool:
        return self._lives is None or life in self._lives.of(number)


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


def _all_watermarks() -> list[Command]:
    return [Command(group.slot, ("HGETALL", group.watermarks)) for group in groups()]


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
