"""Simulated users and what their profiles find."""

import numpy as np

from profilestream.continual.migration.people import draw_people, profiles_of, retrieved
from profilestream.stream.profile.layout import Layout

LABELS = np.repeat(np.arange(8), 20)
CENTRES = np.eye(8)


def near(labels: np.ndarray, noise: float, seed: int = 0) -> np.ndarray:
    """A vector near the direction of each label."""
    return CENTRES[labels] + noise * np.random.default_rng(seed).normal(size=(len(labels), 8))


def test_people_write_about_what_they_like() -> None:
    """Every text is of a liked label, each about as often; the same seed draws the same people."""
    people = draw_people(LABELS, users=30, interests=3, events=12, seed=4)
    assert people.likes.shape == (30, 3)
    for user in range(30):
        about = LABELS[people.text[people.user == user]]
        assert sorted(np.unique(about, return_counts=True)[1].tolist()) == [4, 4, 4]
        assert set(about.tolist()) == set(people.likes[user].tolist())
    again = draw_people(LABELS, users=30, interests=3, events=12, seed=4)
    assert again.text.tolist() == people.text.tolist()


def test_clear_texts_are_found_and_noise_is_not() -> None:
    """1 where labels lie apart; near the share of liked labels where vectors say nothing."""
    people = draw_people(LABELS, users=40, interests=2, events=10)
    layout = Layout(dimensions=8)
    for noise, low, high in ((0.05, 0.99, 1.0), (1000.0, 0.0, 0.45)):
        profiles = profiles_of(people, near(LABELS, noise), LABELS, layout)
        several, one = retrieved(profiles, people, near(LABELS, noise, seed=1), LABELS)
        assert low <= several.mean() <= high
        assert low <= one.mean() <= high
