"""What is done to whom: a function for each kind of fault, which returns when the victim is well again."""

import asyncio
import random
import shutil
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ...stream.recovery.restore import Rebuild, restore
from ...stream.recovery.scan import scanner
from ...stream.recovery.store import ErasableRedis
from .. import wiring
from ..topics import PROFILE_UPDATES, USER_EVENTS
from .crew import REBALANCE_SECONDS, SESSION_SECONDS
from .kinds import Kind
from .load import draw_poison
from .mine import SIGNALS, SLOW_SECONDS, Place
from .plan import Strike
from .victim import Victim
from .world import World

_TREAD_SECONDS = 4.0  # that a worker which was told to die in its next call is given
_IDLE_SECONDS = 40.0  # without a worker at work though all servers are well: then all are ended, as a watchdog does
_FULL_SECONDS = 10.0  # that a broker is given to notice that its disk is full

StrikeAt = Callable[[World, Strike], Awaitable[Kind]]


async def strike(world: World, one: Strike) -> Kind:
    """Do it; returns what was done: where nobody can join, one leaves, and the other way round."""
    return await _STRIKES[one.kind](world, one)


async def _killed(world: World, one: Strike) -> Kind:
    victim = await _worker(world, one)
    async with victim.busy:
        victim.signal(signal.SIGKILL)
        await asyncio.sleep(one.seconds)
    return one.kind


async def _killed_storing(world: World, one: Strike) -> Kind:
    return await _killed_in_a_call(world, one, "store")


async def _killed_publishing(world: World, one: Strike) -> Kind:
    return await _killed_in_a_call(world, one, "broker")


async def _killed_in_a_call(world: World, one: Strike, place: Place) -> Kind:
    victim = await _worker(world, one)
    async with victim.busy:
        life = victim.pid
        victim.signal(SIGNALS[place])
        with suppress(TimeoutError):
            async with asyncio.timeout(SLOW_SECONDS + _TREAD_SECONDS):
                while victim.pid == life:  # noqa: ASYNC110 (another process: there is nothing to be woken by)
                    await asyncio.sleep(0.1)
        if victim.pid == life:  # it had nothing to write
            victim.signal(signal.SIGKILL)
    return one.kind


async def _zombie(world: World, one: Strike) -> Kind:
    victim = await _worker(world, one)
    async with victim.busy:
        await victim.hang(SESSION_SECONDS + REBALANCE_SECONDS / 2 + one.seconds)
    return one.kind


async def _join(world: World, one: Strike) -> Kind:
    if world.crew.join():
        await asyncio.sleep(one.seconds)
        return Kind.JOIN
    return await _leave(world, one)


async def _leave(world: World, one: Strike) -> Kind:
    victim = await _worker(world, one)
    async with victim.busy:
        if await world.crew.leave(victim):
            return Kind.LEAVE
    return await _join(world, one)


def _kill(of: Callable[[World], Victim]) -> StrikeAt:
    """A server is gone, and back after half of the strike's seconds."""

    async def strike_it(world: World, one: Strike) -> Kind:
        victim = of(world)
        async with victim.busy:
            await victim.kill()
            await asyncio.sleep(one.seconds / 2)
            await victim.start()
        return one.kind

    return strike_it


def _hang(of: Callable[[World], Victim], times: float = 1.0) -> StrikeAt:
    """A server stands still for so many times the strike's seconds."""

    async def strike_it(world: World, one: Strike) -> Kind:
        victim = of(world)
        async with victim.busy:
            await victim.hang(times * one.seconds)
        return one.kind

    return strike_it


async def _broker_full(world: World, one: Strike) -> Kind:
    broker = world.broker
    async with broker.busy:
        with broker.without_room():
            try:
                async with asyncio.timeout(_FULL_SECONDS):
                    await broker.ended()
            except TimeoutError:
                await broker.kill()
        await broker.start()
    return one.kind


async def _redis_full(world: World, one: Strike) -> Kind:
    async with world.redis.busy:
        with world.redis.without_room():
            await asyncio.sleep(one.seconds)
    return one.kind


async def _redis_full_killed(world: World, one: Strike) -> Kind:
    async with world.redis.busy:
        with world.redis.without_room():
            await asyncio.sleep(one.seconds)
            await world.redis.kill()
        await world.redis.start()
    return one.kind


async def _redis_old(world: World, one: Strike) -> Kind:
    async with world.redis.busy:
        store = world.store()
        await store.client.save()
        await store.close()
        await asyncio.sleep(one.seconds)
        await world.redis.kill()
        _put_back_the_snapshot(world)
        await world.redis.start()
    return one.kind


async def _redis_empty(world: World, one: Strike) -> Kind:
    async with world.redis.busy:
        await _begin_with_nothing(world)
    return one.kind


async def _redis_rebuilt(world: World, one: Strike) -> Kind:
    """As the operator does whose Redis is gone: workers stopped, profiles restored, workers started."""
    async with world.redis.busy, world.broker.busy, world.crew.at_rest():
        await _begin_with_nothing(world)
        store, settings = ErasableRedis.connect(world.settings.redis_url), world.settings
        try:
            async with scanner(wiring.kafka(settings)) as kafka:
                result = await restore(kafka, PROFILE_UPDATES, Rebuild(store))
                spans = await kafka.spans(USER_EVENTS)
                committed = {str(p): offset for p, offset in (await kafka.committed(settings.group, spans)).items()}
            in_flight = settings.batch_events * settings.batches_in_flight
            await store.save_watermarks(result.watermarks(in_flight, committed))
        finally:
            await store.close()
    return one.kind


async def _triton_replaced(world: World, one: Strike) -> Kind:
    async with _triton(world).busy:
        await _triton(world).stop()
        await _triton(world).start()
    return one.kind


async def _poison(world: World, one: Strike) -> Kind:
    dice = random.Random(one.pick)  # noqa: S311 (not a secret)
    world.load.poison(draw_poison(dice, int(one.pick * 1e9)))
    return one.kind


async def _duplicates(world: World, one: Strike) -> Kind:
    world.load.repeat()
    return one.kind


def _put_back_the_snapshot(world: World) -> None:
    """Make Redis begin with the snapshot that it saved last: as the base of an append-only file without any more."""
    files = world.redis_data / "appendonlydir"
    shutil.rmtree(files)
    files.mkdir()
    (world.redis_data / "dump.rdb").rename(files / "appendonly.aof.1.base.rdb")
    (files / "appendonly.aof.manifest").write_text("file appendonly.aof.1.base.rdb seq 1 type b\n")


async def _begin_with_nothing(world: World) -> None:
    await world.redis.kill()
    shutil.rmtree(world.redis_data / "appendonlydir")
    await world.redis.start()
    await world.publish_models()


async def _worker(world: World, one: Strike) -> Victim:
    """One that is at work; it is waited for, as the victims of other faults come back."""
    patience = time.monotonic() + _IDLE_SECONDS
    while (found := world.crew.pick(one.pick, await world.at_work())) is None:
        await asyncio.sleep(0.1)
        if world.broker.busy.locked() or world.redis.busy.locked():
            patience = time.monotonic() + _IDLE_SECONDS
        elif time.monotonic() > patience:
            world.start_afresh()
            patience = time.monotonic() + _IDLE_SECONDS
    return found


def _broker(world: World) -> Victim:
    return world.broker


def _redis(world: World) -> Victim:
    return world.redis


def _triton(world: World) -> Victim:
    if world.triton is None:
        raise RuntimeError("there is no Triton to strike")
    return world.triton


_STRIKES: dict[Kind, StrikeAt] = {
    Kind.WORKER_KILLED: _killed,
    Kind.WORKER_KILLED_STORING: _killed_storing,
    Kind.WORKER_KILLED_PUBLISHING: _killed_publishing,
    Kind.ZOMBIE: _zombie,
    Kind.JOIN: _join,
    Kind.LEAVE: _leave,
    Kind.BROKER_KILLED: _kill(_broker),
    Kind.BROKER_HANGS: _hang(_broker),
    Kind.BROKER_FULL: _broker_full,
    Kind.REDIS_KILLED: _kill(_redis),
    Kind.REDIS_HANGS: _hang(_redis),
    Kind.REDIS_FULL: _redis_full,
    Kind.REDIS_FULL_KILLED: _redis_full_killed,
    Kind.REDIS_OLD: _redis_old,
    Kind.REDIS_EMPTY: _redis_empty,
    Kind.REDIS_REBUILT: _redis_rebuilt,
    Kind.TRITON_KILLED: _kill(_triton),
    Kind.TRITON_HANGS: _hang(_triton, times=2.0),
    Kind.TRITON_REPLACED: _triton_replaced,
    Kind.POISON: _poison,
    Kind.DUPLICATES: _duplicates,
}
