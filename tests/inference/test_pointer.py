from hypothesis import given
from hypothesis import strategies as st

from profilestream.inference.pointer import Pointer, chosen

names = st.text(min_size=1, max_size=20)
shares = st.floats(0, 1)


@given(st.integers(0, 2**40), names, st.none() | names, shares)
def test_a_pointer_comes_back_as_it_was(generation: int, champion: str, canary: str | None, share: float) -> None:
    """What is written is what workers read."""
    pointer = Pointer(generation, champion, canary, share)
    assert Pointer.from_bytes(pointer.to_bytes()) == pointer


@given(names, names, shares, shares)
def test_a_wider_canary_keeps_its_users(user: str, candidate: str, one: float, other: float) -> None:
    """Nobody goes to and fro between two encoders when the share grows."""
    narrow, wide = sorted((one, other))
    assert chosen(user, candidate, wide) or not chosen(user, candidate, narrow)
    assert not chosen(user, candidate, 0.0)


def test_the_share_is_a_share_of_the_users() -> None:
    """A tenth means a tenth, and another candidate gets others."""
    users = [f"user-{number}" for number in range(4000)]
    first = {user for user in users if chosen(user, "encoder-v2", 0.1)}
    second = {user for user in users if chosen(user, "encoder-v3", 0.1)}
    assert 300 < len(first) < 500
    assert 10 < len(first & second) < 90
