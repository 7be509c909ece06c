"""Cancellations that reach whoever waits for Redis, also on Python 3.11.

redis-py bounds its writes with `asyncio.wait_for`, which before Python 3.12 answers a cancellation that comes together
with the end of what it waits for as if there had been none (python/cpython#86296). A task that looks at Redis again and
again, and is to end by being cancelled, then goes on for ever, and whoever waits for its end with it.
"""

import asyncio
import sys
from collections.abc import Iterable

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import TimeoutError as RedisTimeoutError

_send = AbstractConnection.send_packed_command


def heed_cancellation() -> None:
    """Have all connections of redis-py bound their writes with `asyncio.timeout` where `wait_for` loses cancellations.

    A task less for each command, too.
    """
    if sys.version_info < (3, 12):
        AbstractConnection.send_packed_command = _send_packed_command  # type: ignore[method-assign]


async def _send_packed_command(
    self: AbstractConnection, command: bytes | str | Iterable[bytes], check_health: bool = True
) -> None:
    # Without a timeout of its own it does not use `wait_for`.
    timeout, self.socket_timeout = self.socket_timeout, None
    try:
        async with asyncio.timeout(timeout):
            await _send(self, command, check_health)
    except TimeoutError:
        await self.disconnect(nowait=True)
        raise RedisTimeoutError("Timeout writing to socket") from None
    finally:
        self.socket_timeout = timeout
