"""Short labels: what a question is about."""

import pytest

from profilestream.deploy.demo.labels import short_label


@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("What would you do if you had a flying car?", "flying car"),
        ("Can computers fall in love?", "computers fall in love"),
        ("If money were no object, how would you spend your time?", "money no object"),
        ("What's your secret superpower? (i.e. What are you really really good at.)", "secret superpower"),
        ("What if computers started asking not to be turned off?", "computers started asking…"),
        ("sports", "sports"),
        ("books/and music", "books/and music"),
        ("Is it?", "Is it?"),
        ("", ""),
    ],
)
def test_short_label(label, short):
    """Words of a question that say nothing are left out; what is short and no question stays as it is."""
    assert short_label(label) == short


@pytest.mark.parametrize("label", ["x" * 200, "Which " + "intelligent " * 30 + "?", "to " * 50])
def test_never_longer_than_asked_for(label):
    """Whatever the label, it fits."""
    assert 0 < len(short_label(label, 20)) <= 20
