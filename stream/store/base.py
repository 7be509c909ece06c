"""The one seam between the engine and whatever keeps profiles."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """A profile as it is kept: its revision and its state (see `profile/state.py`)."""

    revision: int
    state: bytes


class Write(NamedTuple):
    """Put `state` in place of revision `expected` (0: there is none yet) as revision `expected + 1`."""

    user: str
    expected: int
    state: bytes


class ProfileStore(Protocol):
    """Keeps one value a user, changed by compare-and-set. All methods raise StoreUnavailableError: try again."""

    async def load(self, users: Sequence[str]) -> list[Stored | None]:
        """The profiles of `users`, in their order, in one round trip; None where there is none."""
        ...

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """Do the writes in one round trip, each atomically; False where the stored revision is another one."""
        ...

    async def watermarks(self) -> dict[str, int]:
        """For each `topic-partition`, the offset up to which profiles are stored (see `save_watermarks`)."""
        ...

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """Remember that everything before these offsets is in the stored profiles.

        Kept beside the profiles, so that a store that lost its last writes also lost these, and the difference
        to Kafka's committed offsets shows it.
        """

    def users(self) -> AsyncIterator[str]:
        """All users with a profile, each at least once, in no order."""
        ...

    async def close(self) -> None:
        """Release connections."""
