"""The store beside profile-updates: of every user the same revision and the same bytes.

But for the vectors, where a sweep carried them to another encoder (see `stream/sweep`): it publishes nothing.

Both move while workers run, so what differs is looked at again before it is called a difference.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from sys import intern
from typing import Literal, NamedTuple, TypeVar

from ...schemas.errors import BadRecordError
from ...schemas.events import ProfileUpdate
from ...schemas.wire import Wire
from ..engine.ports import Partition
from ..profile.state import without_space
from ..store.base import ProfileStore, Stored
from .scan import Scanner, Span

_T = TypeVar("_T")

Kind = Literal["missing", "behind", "ahead", "different", "not erased"]

LOOKS = 3
BETWEEN_LOOKS = 1.0  # seconds: a worker publishes what it stored well within
_USERS = 500  # a round trip


class Told(NamedTuple):
    """What the last message of a user says; a revision of 0 says that the user was erased.

    Attributes:
        digest: Of the state's bytes.
        rest: Of all that does not depend on the encoder.
        model: The encoder of its vectors.
    """

    revision: int
    digest: bytes = b""
    rest: bytes = b""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A user whose profile is not what it should be.

    Attributes:
        kind: `missing` (no profile), `behind`, `ahead`, `different` (right revision or range, wrong content) or
            `not erased`.
        detail: In words.
    """

    user: str
    kind: Kind
    detail: str


class Updates:
    """What compaction leaves of profile-updates: the last message of each user. Remembers some 300 bytes a user.

    Attributes:
        told: By user.
        erased: Users with a tombstone anywhere.
        unreadable: Messages that are no updates.
    """

    def __init__(self, wire: Wire | None = None) -> None:
        self._wire = wire or Wire()
        self.told: dict[str, Told] = {}
        self.erased: set[str] = set()
        self.unreadable = 0

    async def take(self, messages: Sequence[tuple[bytes | None, bytes | None]]) -> None:
        """Note these messages; all of one user have to come in their order."""
        await self._wire.prepare([value for _, value in messages])
        for key, value in messages:
            if value is None:
                user = (key or b"").decode(errors="replace")
                self.told[user] = Told(0)
                self.erased.add(user)
                continue
            try:
                update = self._wire.decode(ProfileUpdate, value)
            except BadRecordError:
                self.unreadable += 1
                continue
            self.told[update.user] = _told(update.revision, update.state)

    async def differences(self, store: ProfileStore, users: Iterable[str]) -> list[Difference]:
        """Those of `users` whose stored profile is not what they were told."""
        found: list[Difference] = []
        for some in pieces(list(users), _USERS):
            stored = await store.load(some)
            compared = [_compare(u, self.told.get(u), s) for u, s in zip(some, stored, strict=True)]
            found += [difference for difference in compared if difference]
        return found


class UpdatesReader:
    """Reads profile-updates into `Updates`, and on from there at each further call.

    Args:
        scanner: Reads the topic.
        topic: profile-updates.
        updates: Takes the messages.
    """

    def __init__(self, scanner: Scanner, topic: str, updates: Updates) -> None:
        self._scanner = scanner
        self._topic = topic
        self._updates = updates
        self._read: dict[Partition, int] = {}

    async def read(self, progress: Callable[[int, int], None] = lambda _done, _of: None) -> None:
        """Everything up to what is there now; `progress` is told how many offsets were read, and of how many."""
        spans = {
            partition: Span(max(span.first, self._read.get(partition, 0)), span.end)
            for partition, span in (await self._scanner.spans(self._topic)).items()
        }
        total, done = sum(span.length for span in spans.values()), 0
        progress(0, total)
        for partition, span in spans.items():
            async for records in self._scanner.read(partition, span):
                await self._updates.take([(record.key, record.value) for record in records])
                progress(done + records[-1].offset + 1 - span.first, total)
            self._read[partition] = span.end
            done += span.length
            progress(done, total)


async def compare(
    store: ProfileStore, updates: Updates, again: Callable[[], Awaitable[None]], *, between: float = BETWEEN_LOOKS
) -> list[Difference]:
    """All differences that stay, sorted by user.

    Args:
        store: Where profiles are.
        updates: What the topic said so far.
        again: Reads what was written to the topic since.
        between: Seconds from one look at a difference to the next.
    """
    users = updates.told.keys() | {user async for user in store.users()}
    found = await updates.differences(store, users)
    for _ in range(LOOKS - 1):
        if not found:
            break
        await asyncio.sleep(between)
        await again()
        found = await updates.differences(store, [difference.user for difference in found])
    return sorted(found, key=lambda difference: difference.user)


def _compare(user: str, told: Told | None, stored: Stored | None) -> Difference | None:
    if told is None:
        return stored and Difference(user, "ahead", f"revision {stored.revision}, and profile-updates has none")
    if stored is None:
        return Difference(user, "missing", f"profile-updates has revision {told.revision}") if told.revision else None
    if not told.revision:
        return Difference(user, "not erased", f"revision {stored.revision}, and profile-updates has a tombstone")
    if stored.revision != told.revision:
        kind: Kind = "behind" if stored.revision < told.revision else "ahead"
        return Difference(user, kind, f"revision {stored.revision}, and profile-updates has {told.revision}")
    if _digest(stored.state) != told.digest and not _moved(told, _told(stored.revision, stored.state)):
        return Difference(user, "different", f"revision {stored.revision} with other bytes than in profile-updates")
    return None


def _told(revision: int, state: bytes) -> Told:
    try:
        model, rest = without_space(state)
    except BadRecordError:  # an update need not carry a state
        return Told(revision, _digest(state))
    return Told(revision, _digest(state), _digest(repr(sorted(rest.items())).encode()), intern(model))


def _moved(told: Told, stored: Told) -> bool:
    """Whether only the vectors differ, since they are of another encoder now."""
    return bool(told.rest) and told.rest == stored.rest and told.model != stored.model


def _digest(state: bytes) -> bytes:
    return hashlib.blake2b(state, digest_size=16).digest()


def pieces(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    """The items, `size` at a time."""
    return (items[at : at + size] for at in range(0, len(items), size))
