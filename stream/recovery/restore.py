"""Profiles out of profile-updates: an update carries the stored state byte for byte.

What is restored of a user is the update of the highest revision since the last tombstone; a tombstone is a user who was
erased. A profile that is there already is never lowered.

Which watermarks may be set
---------------------------
A watermark says that everything before it is in the stored profiles; a worker goes on at the lower of it and the
committed offset. Too low costs time, as what is in a profile already is skipped; too high loses events for ever. So
only what the updates themselves prove may be set.

The offsets that committed lie before are proved where the topic is whole: a worker commits after its updates were
acknowledged. But the topic may lag behind the commits (a replica that was mirrored, a log that lost its tail), so the
updates have to prove it as well. They do not prove the highest offset that occurs in them: an update is of one user,
and others of the same batch may be missing behind it. And a worker applies batches while earlier ones are being
published, so a profile that is published again after a crash may hold an event of a batch that never was. But batches
are published one after the other, and no more than `in_flight` batches lie between the first unpublished event and the
last applied one. Therefore

    watermark = min(committed offset, highest offset in the updates + 1 - events in flight at most)

for each partition of user-events, and 0 where no update names it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ...schemas.errors import BadRecordError, ConfigurationError
from ...schemas.events import ProfileUpdate
from ...schemas.wire import Wire
from ..engine.ports import Partition
from ..store.base import ProfileStore, Stored, Write
from .scan import Scanner
from .store import ErasableStore

_NOTHING = Stored(0, b"")

Message = tuple[bytes | None, bytes | None]  # key and value, as they lie on profile-updates


@dataclass(slots=True)
class Restored:
    """What became of the messages.

    Attributes:
        messages: How many were read.
        unreadable: How many of them are no updates.
        revisions: The newest revision of each user; 0 is a user who was erased.
        kept: Users whose stored profile was as new already, or newer.
        reach: For each `topic-partition` of user-events, the highest offset that an update names.
    """

    messages: int = 0
    unreadable: int = 0
    revisions: dict[str, int] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    reach: dict[str, int] = field(default_factory=dict)

    @property
    def users(self) -> int:
        """Users whose profile was restored."""
        return sum(1 for revision in self.revisions.values() if revision) - len(self.kept)

    @property
    def erased(self) -> int:
        """Users whose last message is a tombstone."""
        return sum(1 for revision in self.revisions.values() if not revision)

    def watermarks(self, in_flight: int, committed: Mapping[str, int]) -> dict[str, int]:
        """What may be set, see this module's docstring; for each partition that is named here or committed.

        Args:
            in_flight: Events that a worker has under way at most.
            committed: The group's offsets by `topic-partition`.
        """
        proved = {name: max(0, offset + 1 - in_flight) for name, offset in self.reach.items()}
        return {
            name: min(proved.get(name, 0), committed.get(name, proved.get(name, 0)))
            for name in sorted(proved.keys() | committed.keys())
        }


@dataclass(slots=True)
class _Change:
    """What a few messages of one user come to."""

    erased: bool = False
    update: ProfileUpdate | None = None


class Rebuild:
    """Puts updates into a store. Remembers some 150 bytes a user.

    Args:
        store: Empty, or to be merged with.
        wire: How updates are written.
        dry_run: Only look.
    """

    def __init__(self, store: ErasableStore, wire: Wire | None = None, *, dry_run: bool = False) -> None:
        self._store = store
        self._wire = wire or Wire()
        self._dry_run = dry_run
        self.result = Restored()
        self._written: set[str] = set()

    async def take(self, messages: Sequence[Message]) -> None:
        """Restore what these messages say; all of one user have to come in their order."""
        await self._wire.prepare([value for _, value in messages])
        changes = self._changes(messages)
        erased = [user for user, change in changes.items() if change.erased]
        if erased and not self._dry_run:
            await self._store.erase(erased)
        pending = {user: change.update for user, change in changes.items() if change.update}
        while pending:
            pending = await self._write(pending)

    def _changes(self, messages: Iterable[Message]) -> dict[str, _Change]:
        changes: dict[str, _Change] = {}
        for key, value in messages:
            self.result.messages += 1
            if value is None:
                user = (key or b"").decode(errors="replace")
                changes[user] = _Change(erased=True)
                self.result.revisions[user] = 0
                self.result.kept.discard(user)
                continue
            try:
                update = self._wire.decode(ProfileUpdate, value)
            except BadRecordError:
                self.result.unreadable += 1
                continue
            self._note(update)
            change = changes.setdefault(update.user, _Change())
            if change.update is None or update.revision > change.update.revision:
                change.update = update
        return changes

    def _note(self, update: ProfileUpdate) -> None:
        revisions, reach = self.result.revisions, self.result.reach
        revisions[update.user] = max(update.revision, revisions.get(update.user, 0))
        source = str(Partition(update.topic, update.partition))
        reach[source] = max(update.offset, reach.get(source, -1))

    async def _write(self, updates: Mapping[str, ProfileUpdate]) -> dict[str, ProfileUpdate]:
        """Write what is newer than what is stored; returns what has to be tried again, since somebody else wrote it."""
        stored = dict(zip(updates, await self._store.load(list(updates)), strict=True))
        newer = {user: u for user, u in updates.items() if u.revision > (stored[user] or _NOTHING).revision}
        self.result.kept |= updates.keys() - newer.keys() - self._written
        self.result.kept -= newer.keys()
        self._written |= newer.keys()
        if self._dry_run:
            return {}
        done = await self._store.save([_write_of(update, stored[user] or _NOTHING) for user, update in newer.items()])
        return {user: update for (user, update), ok in zip(newer.items(), done, strict=True) if not ok}


async def restore(
    scanner: Scanner, topic: str, rebuild: Rebuild, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Restored:
    """Read all of `topic`, and restore what it says. Watermarks are the caller's to set.

    Args:
        scanner: Reads the topic.
        topic: profile-updates.
        rebuild: Takes the messages.
        progress: Told how many offsets were read, and of how many.
    """
    spans = await scanner.spans(topic)
    total, done = sum(span.length for span in spans.values()), 0
    progress(0, total)
    for partition, span in spans.items():
        async for records in scanner.read(partition, span):
            await rebuild.take([(record.key, record.value) for record in records])
            progress(done + records[-1].offset + 1 - span.first, total)
        done += span.length
        progress(done, total)
    return rebuild.result


async def refuse_unless_empty(store: ProfileStore) -> None:
    """Raise where the store has a profile.

    Raises:
        ConfigurationError: It has.
    """
    async for _ in store.users():
        raise ConfigurationError(
            "Redis holds profiles already. Restore into an empty one, or keep what is newer there with --merge."
        )


def _write_of(update: ProfileUpdate, stored: Stored) -> Write:
    return Write(update.user, stored.revision, update.state, update.revision)
