"""A breaker: who waits, who probes, when all go on, and what is said."""

import asyncio
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from profilestream.inference.breaker import Breaker, Breakers, State
from profilestream.inference.retry import RetryPolicy
from profilestream.schemas.errors import ConfigurationError, StoreUnavailableError

QUICK = RetryPolicy(first_pause=0.0001, longest_pause=0.001)


class Service:
    """Away until it is told to come back; counts its calls, and how many it has at a time."""

    def __init__(self) -> None:
        self.away = True
        self.calls = 0
        self.most = 0
        self._now = 0

    async def __call__(self) -> str:
        """One call."""
        self.calls += 1
        self._now += 1
        self.most = max(self.most, self._now)
        try:
            await asyncio.sleep(0)
            if self.away:
                raise StoreUnavailableError("gone")
            return "answer"
        finally:
            self._now -= 1


@pytest.fixture
def breaker() -> Breaker:
    """With short pauses."""
    return Breaker("store", QUICK)


async def until(condition: Callable[[], bool]) -> None:
    """Wait, while others work."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def test_while_the_service_is_there_calls_pass_side_by_side(breaker: Breaker) -> None:
    """A closed breaker costs no call anything."""
    service = Service()
    service.away = False
    assert await asyncio.gather(*[breaker.call(service) for _ in range(5)]) == ["answer"] * 5
    assert (service.calls, service.most) == (5, 5)
    assert (breaker.state, breaker.openings, breaker.blocking) == (State.CLOSED, 0, False)


async def test_one_call_at_a_time_probes_and_then_all_go_on(breaker: Breaker) -> None:
    """A service in trouble is not stormed by all that wait for it; none of them is lost."""
    service = Service()
    with pytest.raises(TimeoutError):  # it opens
        async with asyncio.timeout(0.01):
            await breaker.call(service)
    service.calls = service.most = 0
    calls = [asyncio.create_task(breaker.call(service)) for _ in range(20)]
    await until(lambda: service.calls > 5)
    assert service.most == 1
    assert breaker.blocking
    service.away = False
    assert await asyncio.gather(*calls) == ["answer"] * 20
    assert (breaker.state, breaker.failures, breaker.error, breaker.blocking) == (State.CLOSED, 0, "", False)


async def test_who_probes_may_be_cancelled(breaker: Breaker) -> None:
    """A rebalance ends the call that probes: the next in line does it."""
    service = Service()
    first, second = (asyncio.create_task(breaker.call(service)) for _ in range(2))
    await until(lambda: service.calls > 3)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    service.away = False
    assert await second == "answer"


async def test_when_nobody_asks_any_more_the_way_is_free(breaker: Breaker) -> None:
    """Else nobody would ever find out that the service is back."""
    call = asyncio.create_task(breaker.call(Service()))
    await until(lambda: breaker.blocking)
    waiting = asyncio.create_task(breaker.passable())
    await asyncio.sleep(0)
    assert not waiting.done()
    call.cancel()
    async with asyncio.timeout(10):
        await waiting
    assert breaker.state is State.OPEN


async def test_an_error_that_is_an_answer_closes_it(breaker: Breaker) -> None:
    """What is wrong for good is raised at once, and says that the service is there."""
    answers = iter([StoreUnavailableError("gone"), ConfigurationError("wrong password")])

    async def refuse() -> str:
        raise next(answers)

    with pytest.raises(ConfigurationError):
        await breaker.call(refuse)
    assert breaker.state is State.CLOSED


async def test_an_outage_is_three_lines_however_long(breaker: Breaker) -> None:
    """Open with the reason, half-open, closed with counts and seconds; what repeats is for debugging only."""
    service = Service()
    with capture_logs() as logs:
        call = asyncio.create_task(breaker.call(service))
        await until(lambda: service.calls > 10)
        assert breaker.seconds_open() > 0
        service.away = False
        await call
    told = [entry for entry in logs if entry["log_level"] != "debug"]
    assert [(entry["event"].partition(":")[0], entry["log_level"]) for entry in told] == [
        ("breaker open", "warning"),
        ("breaker half-open", "info"),
        ("breaker closed", "info"),
    ]
    assert told[0]["error"] == "gone"
    assert told[2]["failures"] >= 10
    assert all(entry["service"] == "store" and entry["seconds"] >= 0 for entry in told)


async def test_the_way_is_free_when_all_services_are_there() -> None:
    """Whoever would only fill memory waits for each of them."""
    breakers, service = Breakers(), Service()
    await breakers.passable()
    call = asyncio.create_task(breakers.encoder.call(service))
    await until(lambda: breakers.encoder.blocking)
    passing = asyncio.create_task(breakers.passable())
    await asyncio.sleep(0)
    assert not passing.done()
    service.away = False
    await asyncio.gather(call, passing)
