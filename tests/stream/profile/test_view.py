"""A profile as people read it."""

import numpy as np
import pytest

from profilestream.stream.profile import view
from profilestream.stream.profile.evidence import Evidence
from profilestream.stream.profile.layout import DAY_MS, Layout
from profilestream.stream.profile.table import ProfileTable
from profilestream.stream.profile.units import type_index
from tests.stream.profile.made_up import START, profile_of

LAYOUT = Layout(dimensions=4)
NAMES = {0: ("interest", "cats"), 1: ("interest", "dogs"), 2: ("interest", "tea"), 4096: ("intent", "buy")}


def profile(**sums: float) -> ProfileTable:
    """A row whose long-term label sums are given by label."""
    table = ProfileTable.empty(1, LAYOUT, np.array(sorted(NAMES)))
    for column, label in enumerate(("cats", "dogs", "tea", "buy")):
        table.labels[0, -1, column] = sums.get(label, 0.0)
    return table


def interests(table: ProfileTable, half_life: int = -1, most: int = 5) -> dict[str, float]:
    """Leading labels and their shares, in order."""
    found = view.Interests(table, NAMES.__getitem__).leading(0, half_life, most)
    return {interest.label: interest.share for interest in found}


def test_interests_come_best_first_with_their_shares() -> None:
    """Shares are of all interests; other tasks' labels do not count."""
    found = interests(profile(cats=1.0, dogs=3.0, buy=100.0))
    assert list(found.items()) == [("dogs", 0.75), ("cats", 0.25)]


def test_shares_are_of_all_interests_not_of_those_shown() -> None:
    """Asking for fewer does not make them look larger."""
    assert interests(profile(cats=1.0, dogs=3.0, tea=4.0), most=1) == {"tea": 0.5}


def test_equal_interests_have_one_order() -> None:
    """By id: two readers of the same profile see the same list."""
    assert list(interests(profile(tea=1.0, cats=1.0, dogs=1.0))) == ["cats", "dogs", "tea"]


def test_the_two_half_lives_are_told_apart() -> None:
    """What somebody does today is not what they did all month."""
    table = profile(cats=5.0)
    table.labels[0, 0] = [0.0, 2.0, 0.0, 0.0]
    assert list(interests(table, 0)) == ["dogs"]
    assert list(interests(table, -1)) == ["cats"]


@pytest.mark.parametrize("table", [profile(), profile(buy=2.0), ProfileTable.empty(1, LAYOUT)])
def test_nobody_knows_yet(table: ProfileTable) -> None:
    """A user who said nothing has no interests, rather than shares of nothing."""
    assert interests(table) == {}
    assert view.sentiment(table, 0, -1) is None
    assert view.evidence(table, 0, NAMES.__getitem__) == ()
    assert view.habits(table, 0) == ({}, [0.0] * 24)


def test_sentiment_is_mean_and_spread() -> None:
    """As the population's mean and standard deviation of what was said."""
    table = ProfileTable.empty(1, LAYOUT)
    said = np.array([0.5, -0.25, 1.0])
    table.sentiment[0, -1] = [3.0, said.sum(), (said**2).sum()]
    assert view.sentiment(table, 0, -1) == pytest.approx((said.mean(), said.std()))


def test_a_steady_mood_has_no_spread() -> None:
    """Rounding never makes the root of a negative number."""
    table = ProfileTable.empty(1, LAYOUT)
    table.sentiment[0, -1] = [3.0, 0.3, 3 * 0.1**2 - 1e-17]
    assert view.sentiment(table, 0, -1) == pytest.approx((0.1, 0.0), abs=1e-7)


def test_evidence_names_its_label() -> None:
    """The strongest event first, with what it was taken for."""
    table = ProfileTable.empty(1, LAYOUT)
    table.evidence[0] = (
        Evidence(9.0, 1, "e7", "I walked my dog", 0.8, 123),
        Evidence(8.0, 4096, "e9", "buy it", 0.9, 456),
    )
    first, second = view.evidence(table, 0, NAMES.__getitem__)
    assert (first.label, first.event, first.excerpt, first.confidence, first.time) == (
        *("dogs", "e7", "I walked my dog"),
        *(0.8, 123),
    )
    assert second.label == "buy"


def test_habits_are_shares() -> None:
    """Types that were never seen are left out; the 24 hours are all there."""
    table = profile_of([START] * 3, LAYOUT)
    table.types[0, -1] = 0.0
    table.types[0, -1, [type_index("click"), type_index("review")]] = [3.0, 1.0]
    types, hours = view.habits(table, 0)
    assert types == {"click": 0.75, "review": 0.25}
    assert hours[int(START % DAY_MS // 3_600_000)] == pytest.approx(1.0)
    assert sum(hours) == pytest.approx(1.0)
