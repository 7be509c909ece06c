"""Which events are kept as the reason for a profile: the same ones, whatever was seen first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.stream.profile.evidence import Evidence, ranking_key, strongest

MOST, PER_LABEL = 4, 2
DAY = 86_400_000.0


def made(confidence: float, label: int, number: int, time: int = 0) -> Evidence:
    """An item as the analyser makes it."""
    return Evidence(ranking_key(confidence, time, DAY), label, f"e{number}", "", confidence, time)


def kept(items) -> tuple[Evidence, ...]:
    """With the tests' caps."""
    return strongest(items, MOST, PER_LABEL)


# Few values, so that equal keys and equal items are common.
items = st.lists(
    st.builds(made, st.sampled_from([0.3, 0.5, 0.9]), st.integers(0, 3), st.integers(0, 5), st.integers(0, 2)),
    max_size=14,
)


@given(items, items)
def test_order_does_not_matter(a: list[Evidence], b: list[Evidence]) -> None:
    """Two halves of a profile merge to the same evidence either way."""
    assert kept([*kept(a), *kept(b)]) == kept([*kept(b), *kept(a)])


@given(items, items, items)
def test_grouping_does_not_matter(a: list[Evidence], b: list[Evidence], c: list[Evidence]) -> None:
    """What a part leaves out the whole would leave out too, with both caps at work."""
    whole = kept([*a, *b, *c])
    assert kept([*kept([*kept(a), *kept(b)]), *kept(c)]) == whole
    assert kept([*kept(a), *kept([*kept(b), *kept(c)])]) == whole


@given(items)
def test_the_same_twice_is_the_same_once(a: list[Evidence]) -> None:
    """Merging a profile with its copy does not fill it with doubles."""
    assert kept([*kept(a), *kept(a)]) == kept(a)


@given(items)
def test_caps_hold_and_the_best_come_first(a: list[Evidence]) -> None:
    """At most so many, at most so many of one label, in order of weight."""
    found = kept(a)
    assert len(found) <= MOST
    assert all(sum(item.label == label for item in found) <= PER_LABEL for label in range(4))
    assert [item.key for item in found] == sorted((item.key for item in found), reverse=True)


def test_a_loud_label_does_not_push_out_the_others() -> None:
    """Ten strong events about one thing leave room for the reason of another."""
    loud = [made(0.99, 1, number) for number in range(10)]
    quiet = made(0.4, 2, 11)
    assert quiet in kept([*loud, quiet])


def test_recent_evidence_outranks_old_by_its_decay() -> None:
    """An event a half-life later is as good as one of twice the confidence, and no better."""
    assert ranking_key(0.4, DAY, DAY) == pytest.approx(ranking_key(0.8, 0, DAY))
    assert ranking_key(0.41, DAY, DAY) > ranking_key(0.8, 0, DAY)
