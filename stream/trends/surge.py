"""Does negative sentiment about a topic surge?

A topic's texts of the last minutes are compared with its own past: how likely are so many negative ones among so many
texts, had nothing changed? The share of negative texts that a topic has by nature is not known exactly, so it is a
Beta distribution, and the number of negative texts beta-binomial (Gelman et al., Bayesian Data Analysis, 3rd ed., 2.4).
The past counts for at most `most_past` texts, however many there were: people who talk to each other are no independent
draws, and a share that wanders a little is no surge. Comparing shares, not counts, a busy hour is no alarm.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, lgamma

from .tally import EVERYBODY, EVERYTHING, Tally, topics_of


@dataclass(frozen=True, slots=True, kw_only=True)
class SurgeRule:
    """When to raise an alarm.

    Attributes:
        minutes: What is recent.
        texts: At least so many recent texts about the topic.
        lift: At least so much more of them negative than expected.
        level: How likely a false alarm may be at one look, all topics together (Bonferroni).
        prior: The topic's past begins with the share of all topics, worth so many texts.
        most_past: So many texts of the past count at most.
    """

    minutes: int = 10
    texts: int = 20
    lift: float = 0.15
    level: float = 1e-4
    prior: float = 20.0
    most_past: float = 200.0


@dataclass(frozen=True, slots=True)
class Surge:
    """A topic about which people suddenly speak ill.

    Attributes:
        topic: `""` stands for everything together.
        texts: Recent ones about it.
        negative: How many of them are negative.
        expected: How many would be, had nothing changed.
        chance: Of so many negative ones or more, had nothing changed.
    """

    topic: str
    texts: int
    negative: int
    expected: float
    chance: float

    @property
    def summary(self) -> str:
        """One sentence for people."""
        about = f"about {self.topic}" if self.topic else "overall"
        return (
            f"negative sentiment {about}: {self.negative} of {self.texts} recent texts, "
            f"{self.expected:.0f} would be usual"
        )


def surges(past: Iterable[Tally], recent: Iterable[Tally], rule: SurgeRule) -> list[Surge]:
    """Every topic that surges, the least likely first.

    Args:
        past: Tallies before the recent ones.
        recent: Tallies of the last `rule.minutes`.
        rule: When to raise an alarm.
    """
    before, now = _sum(past), _sum(recent)
    if not before[EVERYBODY, EVERYTHING, "texts"]:
        return []  # nothing to compare with
    topics = [t for s, t in topics_of([now]) if s == EVERYBODY and now[s, t, "texts"] >= rule.texts]
    found = [_surge(before, now, topic, rule) for topic in topics]
    return sorted((s for s in found if _alarming(s, rule, len(topics))), key=lambda surge: surge.chance)


def tail(negative: int, texts: int, a: float, b: float) -> float:
    """Chance of at least `negative` of `texts` under a beta-binomial distribution with parameters `a` and `b`."""
    return min(1.0, sum(_beta_binomial(k, texts, a, b) for k in range(negative, texts + 1)))


def _surge(before: Tally, now: Tally, topic: str, rule: SurgeRule) -> Surge:
    a, b = _belief(before, topic, rule)
    texts, negative = now[EVERYBODY, topic, "texts"], now[EVERYBODY, topic, "negative"]
    return Surge(topic, texts, negative, texts * a / (a + b), tail(negative, texts, a, b))


def _alarming(surge: Surge, rule: SurgeRule, topics: int) -> bool:
    return surge.chance <= rule.level / topics and surge.negative - surge.expected >= rule.lift * surge.texts


def _belief(before: Tally, topic: str, rule: SurgeRule) -> tuple[float, float]:
    """Beta distribution of the topic's share of negative texts."""
    share = (before[EVERYBODY, EVERYTHING, "negative"] + 1) / (before[EVERYBODY, EVERYTHING, "texts"] + 2)
    texts, negative = before[EVERYBODY, topic, "texts"], before[EVERYBODY, topic, "negative"]
    weight = min(1.0, rule.most_past / texts) if texts else 0.0
    return rule.prior * share + weight * negative, rule.prior * (1 - share) + weight * (texts - negative)


def _beta_binomial(k: int, n: int, a: float, b: float) -> float:
    choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return exp(choose + _log_beta(k + a, n - k + b) - _log_beta(a, b))


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _sum(tallies: Iterable[Tally]) -> Tally:
    total: Tally = Counter()
    for counts in tallies:
        total.update(counts)
    return total
