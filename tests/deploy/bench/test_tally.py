"""The reader that counts updates looks at their first fields only."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.deploy.bench import tally as module
from profilestream.deploy.bench.tally import Tally, covered
from profilestream.schemas.codec import encode
from profilestream.schemas.errors import SetupError
from profilestream.schemas.events import ProfileUpdate
from profilestream.stream.kafka.connection import KafkaConnection


def update(user: str = "ada", offset: int = 7, revision: int = 1, model: str = "m", topic: str = "t") -> bytes:
    """An encoded update."""
    return encode(
        ProfileUpdate(
            user=user,
            revision=revision,
            model_version=model,
            topic=topic,
            partition=3,
            offset=offset,
            time=1_700_000_000_000,
            events=1,
            interests=(),
            recent_interests=(),
            sentiment=None,
            sentiment_spread=None,
            evidence=(),
            state=b"",
        )
    )


@given(
    st.text(max_size=300),
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.text(max_size=100),
    st.text(max_size=100),
)
def test_the_offset_is_the_one_that_was_encoded(user: str, offset: int, revision: int, model: str, topic: str) -> None:
    """Read by hand, it must be what the codec wrote, whatever stands before it."""
    assert covered(update(user, offset, revision, model, topic)) == offset


async def test_waiting_ends_when_every_user_is_covered() -> None:
    """An update of an earlier event does not count for a later one."""
    tally = Tally(KafkaConnection(bootstrap="nowhere:1"), "updates")
    waiting = asyncio.create_task(tally.until({b"ada": 5, b"grace": 2}))
    await asyncio.sleep(0)
    for user, offset in ((b"ada", 4), (b"grace", 2)):
        tally._saw(user, update(offset=offset))
    assert tally._waiting == {b"ada": 5}
    tally._saw(b"ada", update(offset=6))
    tally._moved.set()
    await waiting
    assert tally.updates == 3


async def test_what_never_comes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A benchmark that lost events must not wait for ever, nor report a rate."""
    monkeypatch.setattr(module, "STALLED", 0.01)
    with pytest.raises(SetupError, match="1 users wait"):
        await Tally(KafkaConnection(bootstrap="nowhere:1"), "updates").until({b"ada": 5})
