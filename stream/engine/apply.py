"""What a batch says becomes stored profiles: each event once, whatever was tried before."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import structlog
from numpy.typing import NDArray

from ...inference.breaker import Breakers
from ...schemas.events import ProfileUpdate
from ..profile import view
from ..profile.add import add
from ..profile.layout import Layout
from ..profile.spaces import elsewhere
from ..profile.state import decode_with_models, encode_states
from ..profile.table import ProfileTable
from ..profile.view import Interests
from ..store.base import ProfileStore, Stored, Write
from .analysis import Analysed
from .ports import Partition

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Applied:
    """What became of a batch.

    Attributes:
        applied: Events that changed a profile now.
        skipped: Events that were in a profile already.
        updates: The current profile of each user of the batch, changed or not: had we crashed between the store and
            Kafka last time, the update would be missing.
    """

    applied: int = 0
    skipped: int = 0
    updates: list[ProfileUpdate] = field(default_factory=list)


class Applier:
    """Applies batches, one at a time and in order, by compare-and-set."""

    def __init__(self, store: ProfileStore, layout: Layout, breakers: Breakers | None = None) -> None:
        self._store = store
        self._breaker = (breakers or Breakers()).store
        self._layout = layout
        self._told: set[str] = set()

    async def apply(self, batch: Analysed) -> Applied:
        """Apply a batch; waits while the store is unavailable."""
        result = Applied()
        for part in batch.parts:
            rows = np.arange(len(part.users))
            while len(rows):
                lost = await self._attempt(part, rows, result)
                # Somebody else wrote these profiles in between: look again, what they did may include our events.
                rows = np.array([row for row in rows if part.users[row] in lost], dtype=np.int64)
        return result

    async def _attempt(self, batch: Analysed, rows: NDArray[np.int64], result: Applied) -> set[str]:
        """Apply the events at `rows`; returns the users whose profile changed under us."""
        users = list(dict.fromkeys(batch.users[row] for row in rows))
        index = {user: number for number, user in enumerate(users)}
        owner = np.array([index[batch.users[row]] for row in rows], dtype=np.int64)
        stored = await self._breaker.call(lambda: self._store.load(users))
        states = [value and value.state for value in stored]
        ours, ways = batch.models.encoder, batch.models.ways
        table, models = decode_with_models(states, self._layout, ours, ways)
        alone = elsewhere(models, ours, ways)
        self._tell({models[row] for row in np.flatnonzero(alone)}, ours)
        fresh = self._fresh(batch, rows, owner, table)
        # Vectors are never added to those of another encoder: they wait for a map.
        table = add(table, batch.seen.take(rows[fresh]), owner[fresh], keep=np.flatnonzero(alone))
        changed = np.unique(owner[fresh])
        for row in changed:
            models[row] = models[row] if alone[row] else ours
        values, lost = await self._save(users, stored, table, changed, models)
        kept = np.array([users[number] not in lost for number in owner], dtype=bool)
        result.applied += int((fresh & kept).sum())
        result.skipped += int((~fresh & kept).sum())
        interests = Interests(table, batch.models.label_name)
        last = {users[number]: int(row) for number, row in zip(owner, rows, strict=True)}
        result.updates += [
            self._update(batch, interests, number, values[number], last[user], models[number])
            for number, user in enumerate(users)
            if user not in lost
        ]
        return lost

    def _fresh(
        self, batch: Analysed, rows: NDArray[np.int64], owner: NDArray[np.int64], table: ProfileTable
    ) -> NDArray[np.bool_]:
        """Which events are in no profile yet: beyond the stored offset, with an id that was not seen."""
        ids = [set(recent) for recent in table.recent]
        fresh = np.zeros(len(rows), dtype=bool)
        for position, (row, number) in enumerate(zip(rows.tolist(), owner.tolist(), strict=True)):
            applied = table.offsets[number].get(batch.seen.partition[row], -1)
            if batch.seen.offset[row] > applied and batch.seen.ids[row] not in ids[number]:
                fresh[position] = True
                ids[number].add(batch.seen.ids[row])
        return fresh

    def _tell(self, theirs: set[str], ours: str) -> None:
        for model in sorted(theirs - self._told):
            log.error("stored vectors left alone: no map leads from their encoder to ours", theirs=model, ours=ours)
        self._told |= theirs

    async def _save(
        self,
        users: list[str],
        stored: Sequence[Stored | None],
        table: ProfileTable,
        changed: NDArray[np.int64],
        models: Sequence[str],
    ) -> tuple[list[Stored], set[str]]:
        """Write the changed rows; returns what each user's profile is now, and the users whose write was refused."""
        values = [value or Stored(0, b"") for value in stored]
        states = encode_states(table, models, rounding_seeds(table)) if len(changed) else []
        writes = [
            Write(users[row], values[row].revision, states[row], _revision(values[row].revision, table.offsets[row]))
            for row in changed
        ]
        done = await self._breaker.call(lambda: self._store.save(writes))
        for row, write in zip(changed.tolist(), writes, strict=True):
            values[row] = write.after
        return values, {write.user for write, ok in zip(writes, done, strict=True) if not ok}

    def _update(
        self, batch: Analysed, interests: Interests, row: int, value: Stored, event: int, model: str
    ) -> ProfileUpdate:
        table = interests.table
        name = batch.models.label_name
        mood = view.sentiment(table, row, -1)
        topic, _, number = batch.seen.partition[event].rpartition("-")
        source = Partition(topic, int(number))
        return ProfileUpdate(
            user=batch.users[event],
            revision=value.revision,
            model_version=model,
            topic=source.topic,
            partition=source.number,
            # An id that came before in another partition is in the profile, and this partition need not be.
            offset=table.offsets[row].get(batch.seen.partition[event], batch.seen.offset[event]),
            time=int(table.last[row]),
            events=int(table.events[row]),
            interests=interests.leading(row, -1),
            recent_interests=interests.leading(row, 0),
            sentiment=mood and mood[0],
            sentiment_spread=mood and mood[1],
            evidence=view.evidence(table, row, name),
            state=value.state,
        )


def _revision(before: int, offsets: Mapping[str, int]) -> int:
    """The revision of a profile that holds the events up to `offsets`: of the same events, always the same number.

    Were it a plain count of writes, a store that lost its last ones would begin again below the numbers that consumers
    of the updates have seen, and they would take what follows for old.
    """
    return max(before + 1, sum(offset + 1 for offset in offsets.values()))


def rounding_seeds(table: ProfileTable) -> NDArray[np.uint64]:
    """Seeds of stochastic rounding: from where the profile stands in its source, so that a replay gives the same."""
    positions = ["/".join(f"{p}:{o}" for p, o in sorted(offsets.items())) for offsets in table.offsets]
    return np.array([zlib.crc32(position.encode()) << 20 for position in positions], dtype=np.uint64)
