"""Simulated users who like a few things, their profiles, and how well these find what they like.

A user likes k labels and writes texts about them. The profile is built by the engine's own arithmetic. It is asked for
texts that nobody wrote before: the share of the right ones among the first R, where R is how many right ones there are
(R-precision; Manning, Raghavan & Schütze: Introduction to Information Retrieval, 8.4).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...stream.profile.layout import DAY_MS, Layout
from ...stream.profile.reduce import reduce
from ...stream.profile.table import Floats, Integers, ProfileTable
from ...stream.profile.units import Observations, units
from .recovery import unit

_START = 1_700_000_000_000


@dataclass(frozen=True, slots=True)
class People:
    """n users.

    Attributes:
        likes: The labels of each, shape (n, k).
        user, text: Who wrote which text, shape (events,) each.
    """

    likes: Integers
    user: Integers
    text: Integers

    def __len__(self) -> int:
        return len(self.likes)


def draw_people(labels: Integers, *, users: int, interests: int, events: int, seed: int = 0) -> People:
    """Draw users and what they write.

    Args:
        labels: Of the texts that can be written, shape (texts,).
        users: How many.
        interests: How many labels each likes; fewer where there are not so many.
        events: How many texts each writes, about each liked label as often as about the others.
        seed: The same seed gives the same people.
    """
    rng = np.random.default_rng(seed)
    known = np.unique(labels)
    texts_of = {label: np.flatnonzero(labels == label) for label in known.tolist()}
    interests = min(interests, len(known))
    likes = np.stack([rng.choice(known, interests, replace=False) for _ in range(users)])
    about = likes[:, np.arange(events) % interests]
    text = np.array([rng.choice(texts_of[label]) for label in about.ravel().tolist()], dtype=np.int64)
    return People(likes=likes, user=np.repeat(np.arange(users), events), text=text)


def profiles_of(people: People, vectors: Floats, codes: Integers, layout: Layout) -> ProfileTable:
    """The profiles that the engine would have built, one row a user.

    Args:
        people: Who writes which text.
        vectors: Projected embeddings of the texts, shape (texts, r).
        codes: Their codes, shape (texts,).
        layout: With r dimensions.
    """
    count = len(people.text)
    seen = Observations(
        time=_START + np.arange(count) % 60 * int(DAY_MS),
        type=np.zeros(count, np.int64),
        text=np.arange(count),
        label_ids=np.zeros(0, np.int64),
        scores=np.zeros((count, 0)),
        polarity=np.zeros(count),
        vectors=vectors[people.text].astype(np.float64),
        codes=codes[people.text].astype(np.int64),
        evidence=[()] * count,
        ids=list(range(count)),
        partition=["user-events-0"] * count,
        offset=list(range(count)),
    )
    return reduce(units(seen, layout), people.user, len(people))


def retrieved(profiles: ProfileTable, people: People, items: Floats, labels: Integers) -> tuple[Floats, Floats]:
    """R-precision of each user.

    Args:
        profiles: A row a user.
        people: What they like.
        items: Projected embeddings of the texts to find, shape (items, r).
        labels: Theirs, shape (items,).

    Returns:
        By several interests (the best cosine to any stored one) and by the one long-term vector, shape (users,) each.
    """
    items, several = unit(items), np.full((len(people), len(items)), -np.inf)
    np.maximum.at(several, profiles.codes.row, unit(profiles.codes.vector) @ items.T)
    right = (labels[None, None, :] == people.likes[:, :, None]).any(axis=1)
    return _r_precision(several, right), _r_precision(unit(profiles.vector) @ items.T, right)


def _r_precision(scores: Floats, right: NDArray[np.bool_]) -> Floats:
    best_first = np.argsort(-scores, axis=1, kind="stable")
    among = np.take_along_axis(right, best_first, axis=1)
    wanted = right.sum(axis=1)
    found = np.array([row[:count].sum() for row, count in zip(among, wanted, strict=True)])
    precision: Floats = found / np.maximum(wanted, 1)
    return precision
