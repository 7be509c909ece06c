"""The canary's verdict: what workers counted of the calls that they made for its users."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...inference.pool import Served


@dataclass(frozen=True, slots=True, kw_only=True)
class CanaryLimits:
    """How long a candidate is tried on some users, and what it may do at most.

    Attributes:
        share: Of the users, to begin with.
        calls: After so many of them it has been tried enough,
        seconds: and after so long, however few there were.
        failures: Share of its calls that fail.
        latency: Its mean time for a call, as a multiple of the champion's.
        latency_floor: Means below this many seconds are quick enough, whatever the champion's.
    """

    share: float = 0.1
    calls: int = 50
    seconds: float = 60.0
    failures: float = 0.0
    latency: float = 3.0
    latency_floor: float = 0.1


def verdict(
    served: Mapping[str, Served], champion: str, candidate: str, limits: CanaryLimits
) -> tuple[dict[str, float], str | None]:
    """The figures, and why the candidate must not go on, or None.

    Args:
        served: By model, since the canary began.
        champion: The name of the one that answers for most users.
        candidate: The name of the other.
        limits: What a candidate may do at most.
    """
    ours, theirs = served.get(champion, Served()), served.get(candidate, Served())
    figures = {
        "texts": float(theirs.texts),
        "calls": float(theirs.calls),
        "candidate_failures": theirs.failure_share,
        "champion_failures": ours.failure_share,
        "candidate_seconds": theirs.mean_seconds,
        "champion_seconds": ours.mean_seconds,
    }
    if theirs.failure_share > max(limits.failures, ours.failure_share):
        return figures, f"{theirs.failure_share:.1%} of its calls failed"
    if theirs.mean_seconds > max(limits.latency_floor, limits.latency * ours.mean_seconds):
        slow, usual = 1000 * theirs.mean_seconds, 1000 * ours.mean_seconds
        return figures, f"it took {slow:.0f} ms a call, the champion {usual:.0f} ms"
    return figures, None
