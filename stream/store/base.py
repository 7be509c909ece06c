"""The one seam between the engine and whatever keeps profiles."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol


class Stored(NamedTuple):
    """A profile as it is kept: its revision and its state (see `profile/state.py`)."""

    revision: int
    state: bytes


class Write(NamedTuple):
    """Put `state` in place of revision `expected` (0: there is none yet).

    Attributes:
        revision: What it becomes, above `expected`; None: the next one.
    """

    user: str
    expected: int
    state: bytes
    revision: int | None = None

    @property
    def after(self) -> Stored:
        """What is stored when it is done."""
        return Stored(self.expected + 1 if self.revision is None else self.revision, self.state)


class ProfileStore(Protocol):
    """Keeps one value a user, changed by compare-and-set.

    All methods raise StoreUnavailableError: try again. After `watermarks` was called, `load`, `save`, `save_watermarks`
    and `check` raise LostWritesError as soon as the server is not in the same life any more (it was started again, or
    another one took over): what it acknowledged may be gone, and an event that is applied to a profile which lost an
    earlier one would hide that loss for ever. Stop, ask for the `watermarks` again, and read from there.
    """

    async def load(self, users: Sequence[str]) -> list[Stored | None]:
        """The profiles of `users`, in their order, in one round trip; None where there is none."""
        ...

    async def save(self, writes: Sequence[Write]) -> list[bool]:
        """Do the writes in one round trip, each atomically; False where the stored revision is another one."""
        ...

    async def watermarks(self) -> dict[str, int]:
        """For each `topic-partition`, the offset up to which profiles are stored (see `save_watermarks`).

        From here on the store insists on this life of the server.
        """
        ...

    async def save_watermarks(self, offsets: Mapping[str, int]) -> None:
        """Remember that everything before these offsets is in the stored profiles.

        Kept beside the profiles, so that a store that lost its last writes also lost these, and the difference
        to Kafka's committed offsets shows it.
        """

    async def check(self) -> None:
        """Raise the errors that any other call would: for a stream that is idle."""

    def users(self) -> AsyncIterator[str]:
        """All users with a profile, each at least once, in no order."""
        ...

    async def close(self) -> None:
        """Release connections."""
