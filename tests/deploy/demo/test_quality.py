"""The judge of profiles: shares of true topics among five that are named."""

import math

from profilestream.deploy.demo.quality import evaluate

TAUGHT = ["a"] * 6 + ["b"] * 5 + ["c"] * 4 + ["d"] * 3 + ["e"] * 2 + ["f"]


def test_shares_are_averaged_over_users():
    """Who has all topics named counts 1, who has no profile 0; the baselines are averaged in the same way."""
    truth = {"ann": frozenset({"a", "f"}), "bob": frozenset({"f"})}
    quality = evaluate(truth, {"ann": ["f", "x", "y", "z", "a", "w"]}, TAUGHT, topics=20)
    assert quality.users == 2
    assert math.isclose(quality.top5, 0.5)
    assert math.isclose(quality.popularity_top5, 0.25)  # a of ann's two, nothing of bob's
    assert math.isclose(quality.chance, 5 / 20)


def test_only_five_names_count():
    """A sixth name is not looked at; who has more than five topics has all with five right ones."""
    assert evaluate({"ann": frozenset("f")}, {"ann": list("abcdef")}, TAUGHT, topics=20).top5 == 0
    assert evaluate({"ann": frozenset("abcdefg")}, {"ann": list("abcde")}, TAUGHT, topics=20).top5 == 1


def test_nobody_to_judge():
    """Without held-back topics there are no shares, and no error."""
    assert evaluate({}, {}, [], topics=20).top5 == 0
