"""The in-memory twin of Redis."""

from collections.abc import AsyncIterator, Mapping, Sequence

from ...schemas.errors import StoreUnavailableError
from .base import Stored, Write


class MemoryStore:
    """A ProfileStore that keeps everything in this process."""

    def __init__(self) -> None:
        self.profiles: dict[str, Stored] = {}
        self._failing = False
        self._watermarks: dict[str, int] = {}

    def fail(self) -> None:
        """From now on every call raises `StoreUnavailableError`."""
        self._failing = True

    def recover(self) -> None:
        """Answer again."""
        self._failing = False

    async def load(self, users: Sequence[str]) -> list[Stored | None]:
        """See ProfileStore."""
        self._check()
        return [self.profiles.get(user) for user in users]

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """See ProfileStore."""
        self._check()
        return [self._save(write) for write in writes]

    async def watermarks(self) -> dict[str, int]:
        """See ProfileStore."""
        self._check()
        return dict(self._watermarks)

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """See ProfileStore."""
        self._check()
        self._watermarks.update(offsets)

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
        self.profiles[write.user] = Stored(write.expected + 1, write.state)
        return True

    def _check(self) -> None:
        if self._failing:
            raise StoreUnavailableError("The in-memory store was told to fail.")
