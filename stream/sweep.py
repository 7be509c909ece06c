"""The background half of a migration: profiles that nobody touches are carried into the new encoder's space as well.

By the same compare-and-set as the workers, and under the same revision: what a profile says has not changed, only the
space of its vectors. A worker that read the profile before writes over it, having carried it over itself; one that
wrote meanwhile makes our write fail, and we look again. Nothing is published: the state on profile-updates stays in
the older space until the user does something, and is carried over when it is restored.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import structlog

from ..inference.retry import until_available
from ..inference.spaces import Way
from .engine.apply import rounding_seeds
from .profile.layout import Layout
from .profile.spaces import drop_vectors
from .profile.state import decode_with_models, encode_states, models_of
from .store.base import ProfileStore, Stored, Write

log = structlog.get_logger(__name__)

_USERS = 500  # a round trip
_LOOKS = 5  # at a profile that workers change all the time: they carry it over themselves


@dataclass(slots=True)
class Swept:
    """What became of the profiles.

    Attributes:
        seen: Users looked at.
        moved: Carried over now.
        fresh: Whose vectors were dropped, as no map leads from their encoder and that was asked for.
        current: In the right space already, also those that a worker carried over meanwhile.
        alone: Left as they are: no map leads from their encoder.
        unknown: How many of those, by encoder.
        raced: Writes that a worker was quicker than; these profiles were looked at again.
    """

    seen: int = 0
    moved: int = 0
    fresh: int = 0
    current: int = 0
    alone: int = 0
    unknown: dict[str, int] = field(default_factory=dict)
    raced: int = 0


class Sweep:
    """Carries all stored profiles over; may be stopped and started again at any time.

    Args:
        store: Where they are.
        layout: The deployment's.
        encoder: Into whose space.
        ways: From the others, see `ModelSet.ways`.
        start_afresh: Drop the vectors of encoders without a way, so that they grow anew.
    """

    def __init__(
        self,
        store: ProfileStore,
        layout: Layout,
        encoder: str,
        ways: Mapping[str, Way],
        *,
        start_afresh: bool = False,
    ) -> None:
        self._store = store
        self._layout = layout
        self._encoder = encoder
        self._ways = ways
        self._start_afresh = start_afresh

    async def run(self, report: Callable[[int, int], None] = lambda _done, _of: None) -> Swept:
        """Look at every profile once; waits while the store is unavailable.

        Args:
            report: Told how many users were looked at, and of how many.

        Raises:
            ArtefactError: A key holds something that is not a profile.
        """
        swept = Swept()
        # Names first: a scan while its keys are being written may run on for long.
        users = list(dict.fromkeys([user async for user in self._store.users()]))
        report(0, len(users))
        for start in range(0, len(users), _USERS):
            some = users[start : start + _USERS]
            await self._move(some, swept)
            swept.seen += len(some)
            report(swept.seen, len(users))
        swept.alone = sum(swept.unknown.values())
        log.info("profiles swept", encoder=self._encoder, moved=swept.moved, current=swept.current, alone=swept.alone)
        return swept

    async def _move(self, users: Sequence[str], swept: Swept) -> None:
        waiting = list(users)
        for _ in range(_LOOKS):
            stored = await until_available(partial(self._store.load, tuple(waiting)), "store")
            there = [(user, value) for user, value in zip(waiting, stored, strict=True) if value]
            old = self._to_move(there, swept)
            waiting = await self._write(old, swept)
            if not waiting:
                return
        swept.current += len(waiting)

    def _to_move(self, there: Sequence[tuple[str, Stored]], swept: Swept) -> list[tuple[str, Stored]]:
        """Those in a space that a way leads from; the others are counted."""
        old = []
        for (user, value), model in zip(there, models_of([value.state for _, value in there]), strict=True):
            if model == self._encoder:
                swept.current += 1
            elif model in self._ways or self._start_afresh:
                old.append((user, value))
            else:
                swept.unknown[str(model)] = swept.unknown.get(str(model), 0) + 1
        return old

    async def _write(self, old: Sequence[tuple[str, Stored]], swept: Swept) -> list[str]:
        """Carry them over; returns the users whose profile changed under us."""
        if not old:
            return []
        writes, moved = self._carried(old)
        done = await until_available(lambda: self._store.save(writes), "store")
        swept.moved += sum(ok and way for ok, way in zip(done, moved, strict=True))
        swept.fresh += sum(ok and not way for ok, way in zip(done, moved, strict=True))
        lost = [write.user for write, ok in zip(writes, done, strict=True) if not ok]
        swept.raced += len(lost)
        return lost

    def _carried(self, old: Sequence[tuple[str, Stored]]) -> tuple[list[Write], list[bool]]:
        """The writes, and for each whether its vectors were carried over (and not dropped)."""
        states = [value.state for _, value in old]
        table, models = decode_with_models(states, self._layout, self._encoder, self._ways)
        moved = [model in self._ways or model == self._encoder for model in models]
        drop_vectors(table, np.flatnonzero(~np.array(moved)))
        # Other seeds than those with which these offsets were written before: rounding errors must not repeat.
        seeds = rounding_seeds(table) + np.uint64(zlib.crc32(self._encoder.encode()))
        after = encode_states(table, self._encoder, seeds)
        writes = [
            Write(user, value.revision, state, value.revision) for (user, value), state in zip(old, after, strict=True)
        ]
        return writes, moved
