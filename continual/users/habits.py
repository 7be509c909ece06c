"""What a user's events say of their rhythm: a handful of numbers a user, bounded, from event times alone."""

import math
from dataclasses import dataclass, field

DAY = 86_400_000.0
HOUR = 3_600_000.0
_SHORT, _LONG = DAY, 30 * DAY  # half-lives, as in profiles


@dataclass(slots=True)
class Habits:
    """A user's rhythm. Times in ms; a session ends with a pause.

    Attributes:
        first, last: Times of the first and the last event.
        events: How many, by a session's end.
        begun: When the session began.
        of_session: Events in it.
        sessions: How many began.
        gap: Hours between the last two sessions; None before the second.
        returned: How many gaps were within a day.
        recent, usual: Events, decayed at a day and at 30 days.
        hours: Events by hour of the day, decayed at 30 days.
        words: Of the events' texts.
    """

    first: float
    last: float
    begun: float
    events: int = 0
    of_session: int = 0
    sessions: int = 1
    gap: float | None = None
    returned: int = 0
    recent: float = 0.0
    usual: float = 0.0
    words: int = 0
    hours: list[float] = field(default_factory=lambda: [0.0] * 24)

    def event(self, time: float, words: int, pause: float) -> None:
        """Something was done at `time`, not before `last`; after `pause` ms of silence a session begins."""
        passed = time - self.last
        if self.events and passed > pause:
            self.gap = passed / HOUR
            self.returned += passed <= DAY
            self.sessions += 1
            self.begun, self.of_session = time, 0
        usual = 2.0 ** (-passed / _LONG)
        self.recent = self.recent * 2.0 ** (-passed / _SHORT) + 1.0
        self.usual = self.usual * usual + 1.0
        self.hours = [hour * usual for hour in self.hours]
        self.hours[_hour(time)] += 1.0
        self.events += 1
        self.of_session += 1
        self.words += words
        self.last = time

    def features(self, now: float) -> dict[str, float]:
        """For a model, at `now`: a user who has just fallen silent."""
        angle = 2 * math.pi * (now % DAY) / DAY
        hours = [hour / max(self.usual, 1e-9) for hour in self.hours]
        at = _hour(now)
        return {
            "session_events": math.log1p(self.of_session),
            "session_hours": math.log1p((self.last - self.begun) / HOUR),
            "sessions": math.log(self.sessions),
            "age_days": math.log1p((now - self.first) / DAY),
            "first_session": float(self.sessions == 1),
            "last_gap_hours": math.log1p(self.gap if self.gap is not None else 0.0),
            "returned_share": (self.returned + 1.0) / (self.sessions + 1.0),
            "recent": math.log1p(self.recent),
            "usual": math.log1p(self.usual),
            "hour_share": hours[at] + hours[(at + 1) % 24] + hours[(at - 1) % 24],
            "hour_entropy": -sum(share * math.log(share) for share in hours if share > 0),
            "words": math.log1p(self.words / max(self.events, 1)),
            "sin_hour": math.sin(angle),
            "cos_hour": math.cos(angle),
        }


def _hour(time: float) -> int:
    return int(time % DAY // HOUR)
