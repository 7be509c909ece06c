"""Profiles in Redis (or Valkey): one string a user, changed by a server-side compare-and-set.

A value is the revision (8 bytes, big-endian) followed by the state. For a cluster of servers see `cluster.py`.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Self, cast

import redis.exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from ...schemas.errors import ConfigurationError, StoreUnavailableError
from .base import Stored, Write
from .cancelling import heed_cancellation
from .life import ServerLife

PREFIX = "profile:"
WATERMARKS = "profilestream:watermarks"

# For each KEYS[i], a profile: ARGV[2i - 1] is the revision that we read ('' for none), ARGV[2i] the new value. Answers
# a 1 or 0 for each. Several in a call: a call of its own for each costs us and the server several times as much.
_COMPARE_AND_SET = """
local done = {}
for i, key in ipairs(KEYS) do
  if redis.call('GETRANGE', key, 0, 7) == ARGV[2 * i - 1] then
    redis.call('SET', key, ARGV[2 * i])
    done[i] = '1'
  else
    done[i] = '0'
  end
end
return table.concat(done)
"""
_WRITES_A_CALL = 64  # others wait while a script runs: this is well below a millisecond

heed_cancellation()


class RedisStore:
    """A ProfileStore on a Redis server.

    Args:
        client: Gives bytes (`decode_responses=False`).
        life: Greets the client's connections; without it, a server that lost writes is not noticed.
    """

    def __init__(self, client: "Redis", life: ServerLife | None = None) -> None:
        self.client = client
        self._life = life or ServerLife()
        self._compare_and_set = client.register_script(_COMPARE_AND_SET)

    @classmethod
    def connect(cls, url: str, timeout: float = 5.0) -> Self:
        """A store at `redis://…` or `rediss://…`; connects at the first call.

        Args:
            url: With user and password where the server wants them.
            timeout: Seconds to wait for an answer.

        Raises:
            ConfigurationError: The URL is not one of Redis.
        """
        life = ServerLife()
        try:
            # The engine waits and tries again by itself: one place that knows what to do, and says so in the log.
            client = Redis.from_url(
                url,
                socket_timeout=timeout,
                socket_connect_timeout=timeout,
                retry=Retry(NoBackoff(), 0),
                redis_connect_func=life.greet,
            )
        except ValueError as error:
            raise ConfigurationError(f"redis_url: {error}") from error
        return cls(client, life)

    async def load(self, users: Sequence[str]) -> list[Stored | None]:
        """See ProfileStore."""
        if not users:
            return []
        with translated():
            values = cast("list[bytes | None]", await self.client.mget([PREFIX + user for user in users]))
        return [None if value is None else split(value) for value in values]

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """See ProfileStore."""
        if not writes:
            return []
        with translated():
            if len(writes) <= _WRITES_A_CALL:  # a pipeline would first ask whether the script is there
                answers = [await self._set(writes, self.client)]
            else:
                async with self.client.pipeline(transaction=False) as pipe:
                    for start in range(0, len(writes), _WRITES_A_CALL):
                        await self._set(writes[start : start + _WRITES_A_CALL], pipe)
                    answers = await pipe.execute()
        return [done == ord("1") for answer in answers for done in cast("bytes", answer)]

    async def _set(self, writes: Sequence[Write], client: "Redis") -> object:
        keys = [PREFIX + write.user for write in writes]
        return await self._compare_and_set(keys, [word for write in writes for word in _words(write)], client)

    async def watermarks(self) -> dict[str, int]:
        """See ProfileStore."""
        self._life.expected = None
        with translated():
            # Connections to an earlier life have nothing more to say; on the new one, both answers are of one life.
            await self.client.connection_pool.disconnect(inuse_connections=False)
            async with self.client.pipeline(transaction=False) as pipe:
                pipe.info("server")
                pipe.hgetall(WATERMARKS)
                info, found = cast("tuple[dict[str, str], dict[bytes, bytes]]", tuple(await pipe.execute()))
        self._life.expected = info["run_id"]
        return {partition.decode(): int(offset) for partition, offset in found.items()}

    async def peek_watermarks(self) -> dict[str, int]:
        """The watermarks for an observer, which does not insist on one life of the server."""
        with translated():
            found = cast("dict[bytes, bytes]", await self.client.hgetall(WATERMARKS))
        return {partition.decode(): int(offset) for partition, offset in found.items()}

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """See ProfileStore."""
        if offsets:
            with translated():
                await self.client.hset(WATERMARKS, mapping={name.encode(): offset for name, offset in offsets.items()})

    async def check(self) -> None:
        """See ProfileStore."""
        with translated():
            await self.client.ping()

    async def users(self) -> AsyncIterator[str]:
        """See ProfileStore."""
        with translated():
            async for key in self.client.scan_iter(match=PREFIX + "*", count=1000):
                yield cast("bytes", key).decode().removeprefix(PREFIX)

    async def close(self) -> None:
        """See ProfileStore."""
        await self.client.aclose()


def _words(write: Write) -> tuple[bytes, bytes]:
    """What a script compares, and what it writes."""
    return revision_bytes(write.expected), revision_bytes(write.after.revision) + write.state


def split(value: bytes) -> Stored:
    """Revision and state of a value as it lies in Redis."""
    return Stored(int.from_bytes(value[:8], "big"), value[8:])


def revision_bytes(number: int) -> bytes:
    """A revision as a value begins with it; nothing for 0, as there is no value then."""
    return number.to_bytes(8, "big") if number else b""


@contextmanager
def translated() -> Iterator[None]:
    """Turn redis-py's errors into ours."""
    try:
        yield
    except redis.exceptions.AuthenticationError as error:
        raise ConfigurationError("Redis refuses the user or password in redis_url") from error
    except redis.exceptions.RedisClusterException as error:
        if isinstance(error.__cause__, redis.exceptions.AuthenticationError):
            raise ConfigurationError("Redis refuses the user or password in redis_url") from error
        if "Cluster mode is not enabled" in str(error):
            raise ConfigurationError("redis_url is no cluster: leave PROFILESTREAM_REDIS_CLUSTER out") from error
        raise StoreUnavailableError(f"Redis Cluster does not answer as it should: {error}") from error
    except (redis.exceptions.RedisError, OSError, TimeoutError) as error:
        raise StoreUnavailableError(f"Redis does not answer as it should: {error}") from error
