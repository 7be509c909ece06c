"""Profile stores from which a profile can be erased: what a tombstone on profile-updates asks for."""

from collections.abc import Sequence
from typing import Protocol

from ..store.base import ProfileStore
from ..store.cluster import ClusterStore
from ..store.groups import group_of, groups
from ..store.memory import MemoryStore
from ..store.nodes import Command
from ..store.redis import PREFIX, RedisStore, translated


class ErasableStore(ProfileStore, Protocol):
    """A ProfileStore that can also forget."""

    async def erase(self, users: Sequence[str]) -> None:
        """Remove the profiles of `users`, those that there are."""


class ErasableRedis(RedisStore):
    """On a Redis server."""

    async def erase(self, users: Sequence[str]) -> None:
        """See ErasableStore."""
        with translated():
            async with self.client.pipeline(transaction=False) as pipe:
                for user in users:
                    pipe.delete(PREFIX + user)
                await pipe.execute()


class ErasableCluster(ClusterStore):
    """On a Redis Cluster."""

    async def erase(self, users: Sequence[str]) -> None:
        """See ErasableStore."""
        found = [(groups()[group_of(user)], user) for user in users]
        with translated():
            await self._nodes.run([Command(group.slot, ("DEL", group.profile(user))) for group, user in found])


class ErasableMemory(MemoryStore):
    """The twin."""

    async def erase(self, users: Sequence[str]) -> None:
        """See ErasableStore."""
        await self.check()
        for user in users:
            self.profiles.pop(user, None)
