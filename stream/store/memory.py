"""The in-memory twin of Redis."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...schemas.errors import LostWritesError, StoreUnavailableError
from .base import Stored, Write


@dataclass(slots=True)
class MemoryServer:
    """What outlives its clients: the data, and which life of the server this is.

    Attributes:
        life: Grows with each restart or failover.
        failing: Every call of every client raises `StoreUnavailableError`.
    """

    profiles: dict[str, Stored] = field(default_factory=dict)
    watermarks: dict[str, int] = field(default_factory=dict)
    life: int = 0
    failing: bool = False

    def restart(self, profiles: Mapping[str, Stored], watermarks: Mapping[str, int]) -> None:
        """Come back with what was saved earlier: what was written since is lost."""
        self.profiles, self.watermarks = dict(profiles), dict(watermarks)
        self.life += 1


class MemoryStore:
    """A ProfileStore that keeps everything in this process.

    Args:
        server: Shared by several clients; without one, the store has its own.
    """

    def __init__(self, server: MemoryServer | None = None) -> None:
        self._server = server or MemoryServer()
        self._life: int | None = None

    @property
    def profiles(self) -> dict[str, Stored]:
        """What is stored."""
        return self._server.profiles

    def fail(self) -> None:
        """From now on every call raises `StoreUnavailableError`."""
        self._server.failing = True

    def recover(self) -> None:
        """Answer again."""
        self._server.failing = False

    async def load(self, users: Sequence[str]) -> list[Stored | None]:
        """See ProfileStore."""
        self._same_life()
        return [self.profiles.get(user) for user in users]

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """See ProfileStore."""
        self._same_life()
        return [self._save(write) for write in writes]

    async def watermarks(self) -> dict[str, int]:
        """See ProfileStore."""
        self._check()
        self._life = self._server.life
        return dict(self._server.watermarks)

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """See ProfileStore."""
        self._same_life()
        self._server.watermarks.update(offsets)

    async def check(self) -> None:
        """See ProfileStore."""
        self._same_life()

    async def users(self) -> AsyncIterator[str]:
        """See ProfileStore."""
        self._check()
        for user in list(self.profiles):
            yield user

    async def close(self) -> None:
        """Nothing to release."""

    def _save(self, write: Write) -> bool:
        stored = self.profiles.get(write.user)
        if (stored.revision if stored else 0) != write.expected:
            return False
        self.profiles[write.user] = write.after
        return True

    def _same_life(self) -> None:
        self._check()
        if self._life not in (None, self._server.life):
            raise LostWritesError("The in-memory store was restarted.")

    def _check(self) -> None:
        if self._server.failing:
            raise StoreUnavailableError("The in-memory store was told to fail.")
