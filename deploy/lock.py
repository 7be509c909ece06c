"""One update at a time, whichever machine it runs on: a lock in Redis with a token and an end."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from ..schemas.errors import SetupError, StoreUnavailableError
from ..stream.store.redis import RedisStore, translated

log = structlog.get_logger(__name__)

NAME = "profilestream:update-lock"
LEASE = 60.0  # seconds after its last word, whoever held the lock is taken for dead


@asynccontextmanager
async def single_flight(store: RedisStore, lease: float = LEASE) -> AsyncIterator[None]:
    """Hold the lock of updates, with a token of our own; whoever dies loses it when the lease ends.

    Raises:
        SetupError: Another process holds it, or took it over while we did not speak.
        StoreUnavailableError: Redis does not answer.
    """
    lock = store.client.lock(NAME, timeout=lease, blocking=False, thread_local=False)
    with translated():
        if not await lock.acquire():
            raise SetupError(f"another update is running; if it died, its lock ends within {lease:.0f} seconds")
    holder, lost = asyncio.current_task(), asyncio.Event()

    async def hold() -> None:
        await _renew(lock, lease)
        lost.set()
        if holder:
            holder.cancel()

    holding = asyncio.create_task(hold())
    try:
        yield
    except asyncio.CancelledError:
        if lost.is_set():
            raise SetupError("the lock of updates was lost: another one may be running; run it again later") from None
        raise
    finally:
        holding.cancel()
        await asyncio.wait([holding])
        if not lost.is_set():
            await _release(lock)


async def _renew(lock: Lock, lease: float) -> None:
    """Returns when the lock is another's, or may be: nothing was heard of Redis for too long."""
    spoke = time.monotonic()
    while time.monotonic() - spoke < lease:
        await asyncio.sleep(lease / 4)
        try:
            with _lock_errors():
                await lock.reacquire()
        except StoreUnavailableError as error:
            log.warning("lock of updates not renewed", error=str(error))
        except SetupError:
            return
        else:
            spoke = time.monotonic()


async def _release(lock: Lock) -> None:
    try:
        with _lock_errors():
            await lock.release()
    except (SetupError, StoreUnavailableError) as error:
        log.warning("lock of updates not released, it ends by itself", error=str(error))


@contextmanager
def _lock_errors() -> Iterator[None]:
    # Inside, as LockError is a RedisError, too.
    with translated():
        try:
            yield
        except LockError as error:
            raise SetupError("the lock of updates is another's now") from error
