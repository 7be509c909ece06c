"""The main job of a process: done, failed, or stopped by a signal."""

import asyncio
import os
import signal

import pytest

from profilestream.deploy.cli.running import run_until_signal, unless_stopped


async def test_work_that_ends():
    """Work that is done before anybody stops it counts as done."""
    assert await unless_stopped(asyncio.Event(), asyncio.sleep(0))


async def test_stopped_work_is_cancelled_and_waited_for():
    """On a stop the work is cancelled, and what it cleans up is finished before we return."""
    stop, said = asyncio.Event(), []

    async def work():
        try:
            stop.set()
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            said.append("cleaned up")

    assert not await unless_stopped(stop, work())
    assert said == ["cleaned up"]


async def test_errors_of_the_work_are_raised():
    """What goes wrong in the work is not hidden."""

    async def work():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await unless_stopped(asyncio.Event(), work())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_the_job(number):
    """Either signal sets `stop`, and the job ends by itself."""
    ended = []

    async def job(stop):
        os.kill(os.getpid(), number)
        await stop.wait()
        ended.append(number)

    run_until_signal(job, 10.0)
    assert ended == [number]
