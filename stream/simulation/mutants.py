"""Defects put in on purpose. A simulator that does not find them proves nothing."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..engine.analysis import Analysed
from ..engine.apply import Applied, Applier
from ..engine.engine import Engine
from ..profile.table import ProfileTable
from ..store.memory import MemoryStore
from .world import Parts


class AcknowledgesEarly(Engine):
    """Acknowledges what it has read, before it is applied."""

    async def _apply(
        self,
        batches: "asyncio.Queue[asyncio.Task[Analysed] | None]",
        out: "asyncio.Queue[tuple[Analysed, Applied] | None]",
    ) -> None:
        while task := await batches.get():
            batch = await task
            await self._acknowledge(batch.records)
            out.put_nowait((batch, await self._applier.apply(batch)))
        out.put_nowait(None)

    async def _finish(self, batch: Analysed, applied: Applied) -> None:
        await self._send(batch, applied)


class CommitsBeforeUpdate(Engine):
    """Acknowledges what is in the store, before its updates are."""

    async def _finish(self, batch: Analysed, applied: Applied) -> None:
        await self._acknowledge(batch.records)
        await self._send(batch, applied)


class SkipsOffsetCheck(Applier):
    """Knows the last event ids of a user, and not the offsets."""

    def _fresh(
        self, batch: Analysed, rows: NDArray[np.int64], owner: NDArray[np.int64], table: ProfileTable
    ) -> NDArray[np.bool_]:
        return super()._fresh(batch, rows, owner, replace(table, offsets=[{} for _ in table.offsets]))


class SkipsIdCheck(Applier):
    """Knows the offsets, and not the last event ids."""

    def _fresh(
        self, batch: Analysed, rows: NDArray[np.int64], owner: NDArray[np.int64], table: ProfileTable
    ) -> NDArray[np.bool_]:
        seen = replace(batch.seen, ids=list(range(len(batch.seen))))
        return super()._fresh(replace(batch, seen=seen), rows, owner, replace(table, recent=[() for _ in table.recent]))


class TrustsTheStore(MemoryStore):
    """Goes on with a store that came back, as if it remembered everything."""

    def _same_life(self) -> None:
        self._check()


MUTANTS: Mapping[str, Parts] = {
    "acknowledges early": Parts(engine=AcknowledgesEarly),
    "skips the offset check": Parts(applier=SkipsOffsetCheck),
    "commits before the update is acknowledged": Parts(engine=CommitsBeforeUpdate),
    "skips the id check": Parts(applier=SkipsIdCheck),
    "goes on when the store lost writes": Parts(store=TrustsTheStore),
}
