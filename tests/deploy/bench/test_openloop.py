"""The client that the API is measured with."""

import asyncio
import threading
import time
from functools import partial

from profilestream.deploy.bench.openloop import open_loop, punctually


async def test_a_stall_is_counted_for_all_who_waited() -> None:
    """Requests that should have begun while a server hung are slow, too, though each of them is answered at once."""

    async def ask(number: int) -> None:
        if number == 0:
            time.sleep(0.1)  # noqa: ASYNC251 (nobody can begin anything)

    found = await open_loop(ask, rate=100.0, seconds=0.1)
    assert found.requests == 10
    assert found.highest >= 100
    assert found.p50 > 1000 * (0.1 - 0.06)  # the sixth should have begun 50 ms after the first


async def test_the_client_has_a_loop_of_its_own() -> None:
    """It runs beside whatever the bench goes on with, and gives its figures back."""
    here = threading.get_ident(), asyncio.get_running_loop()

    async def work(word: str) -> tuple[str, bool]:
        await asyncio.sleep(0.001)
        return word, here[0] != threading.get_ident() and here[1] is not asyncio.get_running_loop()

    assert await punctually(partial(work, "done")) == ("done", True)
