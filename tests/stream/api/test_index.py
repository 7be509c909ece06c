"""What is kept of users in memory: bounded, and right about who is like whom."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.schemas.events import Interest, ProfileUpdate
from profilestream.stream.api.history import NONE, POINTS, History
from profilestream.stream.api.index import UserIndex
from profilestream.stream.api.likeness import likest
from profilestream.stream.profile.state import encode_states
from tests.stream.profile.made_up import profile_of
from tests.stream.world import LAYOUT, NOW


def update(user: str, revision: int = 1, *, seed: int = 0, **shares: float) -> ProfileUpdate:
    """A change, with a state whose vector comes from the seed."""
    table = profile_of([NOW, NOW + 1, NOW + 2], LAYOUT, seed=seed)
    return ProfileUpdate(
        user=user,
        revision=revision,
        model_version="m",
        topic="user-events",
        partition=0,
        offset=revision,
        time=NOW + revision,
        events=revision,
        interests=tuple(Interest(label=label, share=share) for label, share in shares.items()),
        state=encode_states(table, "m", np.zeros(1, np.uint64))[0],
    )


def index(capacity: int = 100) -> UserIndex:
    """An empty one."""
    return UserIndex(capacity, LAYOUT.dimensions)


def test_old_news_is_no_news() -> None:
    """An update that comes again, or behind a later one, changes nothing."""
    known = index()
    assert known.take(update("ada", 2, cats=0.9))
    assert not known.take(update("ada", 2, dogs=0.9))
    assert not known.take(update("ada", 1, dogs=0.9))
    assert known.find("", 5)[0].interests[0].label == "cats"


@given(changes=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(["cats", "dogs"])), max_size=60))
def test_beyond_its_capacity_the_longest_unchanged_go(changes: list[tuple[int, str]]) -> None:
    """It holds the users that changed last, with what they were last, whatever came before in their place."""
    known, newest = index(capacity=5), {}
    for revision, (user, label) in enumerate(changes, start=1):
        known.take(update(f"u{user}", revision, **{label: 0.5}))
        newest.pop(f"u{user}", None)
        newest[f"u{user}"] = label
    expected = dict(list(newest.items())[-5:])
    assert {seen.user: seen.interests[0].label for seen in known.find("", 99)} == expected
    assert len(known) == len(expected)
    for user, label in expected.items():
        history = known.history(user)
        assert history
        assert history[-1][1][0].label == label
    assert sum(one.users for one in known.popular()) == len(expected)


def test_a_forgotten_user_is_nowhere() -> None:
    """Not found, not similar, not a fan; and the place is used again."""
    known = index(capacity=2)
    known.take(update("ada", 1, cats=0.9))
    known.take(update("grace", 1, seed=1, cats=0.8))
    known.forget("ada")
    known.forget("nobody")
    assert [seen.user for seen in known.find("", 9)] == ["grace"]
    assert known.similar("ada", 3) is None
    assert known.similar("grace", 3) == []
    assert known.history("ada") is None
    assert [seen.user for seen, _ in known.top("cats", 9, 0)] == ["grace"]
    known.take(update("alan", 1, seed=2, dogs=0.5))
    assert {seen.user for seen in known.find("", 9)} == {"grace", "alan"}
    assert known.left_out == 0


def test_top_users_are_those_with_the_largest_share() -> None:
    """Of those with enough events; an interest that nobody has, has nobody."""
    known = index()
    for number, share in enumerate([0.2, 0.9, 0.5, 0.5]):
        known.take(update(f"u{number}", number + 1, cats=share, dogs=1 - share))
    assert [seen.user for seen, _ in known.top("cats", 3, 0)] == ["u1", "u3", "u2"]
    assert [seen.user for seen, _ in known.top("cats", 3, 3)] == ["u3", "u2"]
    assert known.top("birds", 3, 0) == []


def test_the_same_vector_is_most_alike() -> None:
    """A twin comes first, with a similarity of 1; the user is not among those like them."""
    known = index()
    for number in range(20):
        known.take(update(f"u{number}", seed=number, cats=0.5))
    known.take(update("twin", seed=7))
    found = known.similar("u7", 5)
    assert found
    assert (found[0].user, round(found[0].similarity, 2)) == ("twin", 1.0)
    assert "u7" not in [one.user for one in found]


def test_users_of_another_encoder_are_not_compared() -> None:
    """Vectors of two encoders have nothing to do with one another."""
    known = index()
    known.take(update("ada"))
    other = update("grace")
    table = profile_of([NOW], LAYOUT)
    state = encode_states(table, "another", np.zeros(1, np.uint64))[0]
    known.take(ProfileUpdate(**{name: getattr(other, name) for name in other.__slots__} | {"state": state}))
    assert known.similar("ada", 5) == []


@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(3, 40), most=st.integers(1, 50))
def test_likeness_is_what_the_definition_says(seed: int, rows: int, most: int) -> None:
    """Cosines of what is left when the mean is taken away, the largest first."""
    vectors = np.random.default_rng(seed).normal(size=(rows + 3, 6)).astype(np.float16)
    chosen = np.arange(1, rows + 1)
    centred = vectors[chosen].astype(np.float64) - vectors[chosen].astype(np.float64).mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    cosines = dict(zip(chosen[1:].tolist(), (centred[1:] @ centred[0]).tolist(), strict=True))
    found, similar = likest(vectors, chosen, 1, most)
    assert len(found) == min(most, rows - 1)
    assert similar == pytest.approx([cosines[row] for row in found], abs=1e-3)
    assert similar == pytest.approx(sorted(cosines.values(), reverse=True)[:most], abs=1e-3)


@given(steps=st.lists(st.integers(0, 5), min_size=1, max_size=150))
def test_history_is_bounded_and_keeps_both_ends(steps: list[int]) -> None:
    """Times ascend, the newest is there, and what is kept reaches back a long way."""
    history = History()
    history.grow(2)
    times = np.cumsum(steps).tolist()
    for at, time in enumerate(times):
        history.add(1, time, np.array([at, NONE, NONE], np.int32), np.array([0.5, 0, 0], np.float16))
    points = history.points(1)
    kept = [point.time for point in points]
    assert len(kept) <= POINTS
    assert kept == sorted(set(kept))
    assert points[-1] == (times[-1], [(len(times) - 1, 0.5)])
    assert len(set(times)) <= POINTS // 2 or len(kept) >= POINTS // 2
    assert history.points(0) == []
