import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.inference.retry import RetryPolicy, retry
from profilestream.schemas.errors import ConfigurationError, InferenceUnavailableError

QUICK = RetryPolicy(deadline=5, first_pause=0.0001, longest_pause=0.001)


class Flaky:
    """Fails a number of times, then answers; remembers how much time each attempt was given."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.left = failures
        self.error = error
        self.given: list[float] = []

    async def __call__(self, seconds: float) -> str:
        """One attempt."""
        self.given.append(seconds)
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return "answer"


async def test_it_tries_again_until_it_works() -> None:
    """A short outage is not noticed."""
    service = Flaky(3, InferenceUnavailableError("down"))
    assert await retry(QUICK, service) == "answer"
    assert len(service.given) == 4


async def test_it_ends_at_the_deadline() -> None:
    """A long outage is reported with the reason of the last attempt."""
    service = Flaky(10**9, InferenceUnavailableError("down"))
    with pytest.raises(InferenceUnavailableError, match="down"):
        await retry(RetryPolicy(deadline=0.05, first_pause=0.001), service)
    assert len(service.given) > 1


async def test_no_attempt_gets_more_than_is_left() -> None:
    """The deadline bounds the last attempt too."""
    service = Flaky(10**9, InferenceUnavailableError("down"))
    with pytest.raises(InferenceUnavailableError):
        await retry(RetryPolicy(deadline=0.05, attempt=5, first_pause=0.001), service)
    assert all(0 < seconds <= 0.05 for seconds in service.given)


async def test_what_is_wrong_for_good_is_not_repeated() -> None:
    """A wrong setting is reported at once."""
    service = Flaky(1, ConfigurationError("wrong model"))
    with pytest.raises(ConfigurationError):
        await retry(QUICK, service)
    assert len(service.given) == 1


@given(st.integers(1, 2000))
def test_pauses_are_bounded(failures: int) -> None:
    """However long the outage, the next attempt is at most the longest pause away."""
    policy = RetryPolicy(first_pause=0.1, longest_pause=3)
    assert 0 <= policy.pause(failures) <= min(3, 0.1 * 2 ** min(failures - 1, 100))
