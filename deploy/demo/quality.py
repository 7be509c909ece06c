"""How good the profiles are: do they name the topics whose labels were held back?"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

TOP = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The share of users' true topics among five named ones, averaged over users.

    A user's true topics are those of the conversations in the stream whose labels nobody was told. With more than
    five of them, five right ones count as all.

    Attributes:
        users: How many users have such conversations.
        top5: Named by their profile, at the long half-life.
        popularity_top5: The five topics that are most frequent in the feedback, for everybody.
        chance: Five topics drawn at random.
    """

    users: int
    top5: float
    popularity_top5: float
    chance: float


def evaluate(
    truth: Mapping[str, frozenset[str]], interests: Mapping[str, Sequence[str]], taught: Iterable[str], topics: int
) -> Quality:
    """Compare profiles with what was held back.

    Args:
        truth: True topics by user.
        interests: Topics that profiles name, best first, by user.
        taught: Topics of the feedback, once for each label.
        topics: How many topics there are.
    """
    popular = [topic for topic, _ in Counter(taught).most_common(TOP)]
    found = [_hit_rate(true, interests.get(user, ())) for user, true in truth.items()]
    return Quality(
        users=len(truth),
        top5=fmean(found) if found else 0.0,
        popularity_top5=fmean([_hit_rate(true, popular) for true in truth.values()]) if truth else 0.0,
        # Of five drawn at random each true topic is one with odds 5 / topics; then as in `_hit_rate`.
        chance=fmean([len(true) * TOP / topics / min(TOP, len(true)) for true in truth.values()]) if truth else 0.0,
    )


def _hit_rate(true: frozenset[str], named: Sequence[str]) -> float:
    return len(true.intersection(named[:TOP])) / min(TOP, len(true))
