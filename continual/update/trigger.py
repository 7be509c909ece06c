"""When an update is due: drift, time, or enough new labels, and never too soon after the last."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerOptions:
    """When to run.

    Attributes:
        labels: After so much feedback since the last update began.
        seconds: After so long, where there was any feedback; 0: never for that reason.
        cool_down: Seconds from the beginning of an update to the next at the earliest.
    """

    labels: int = 500
    seconds: float = 7 * 86_400.0
    cool_down: float = 3_600.0


class Trigger:
    """Counts what speaks for an update.

    Args:
        options: When to run.
        now: Seconds that never go back.
        last: When the last update began, on the same clock; None: there was none.
    """

    def __init__(self, options: TriggerOptions, now: float, last: float | None = None) -> None:
        self._options = options
        self._began = now
        self._last = last
        self._labels = 0
        self._alarm: str | None = None

    def feedback(self, count: int = 1) -> None:
        """So much feedback arrived."""
        self._labels += count

    def drift(self, summary: str) -> None:
        """An alarm was raised."""
        self._alarm = summary

    def calm(self) -> None:
        """The alarm is over."""
        self._alarm = None

    def due(self, now: float) -> str | None:
        """Why an update should run now; None: it should not."""
        options = self._options
        if self._last is not None and now - self._last < options.cool_down:
            return None
        if self._alarm is not None:
            return f"drift: {self._alarm}"
        if self._labels >= options.labels:
            return f"{self._labels} new labels"
        since = now - (self._began if self._last is None else self._last)
        if options.seconds and self._labels and since >= options.seconds:
            return f"{self._labels} new labels since {since / 3600:.0f} hours"
        return None

    def ran(self, now: float) -> None:
        """An update began: what spoke for it is answered."""
        self._last, self._labels, self._alarm = now, 0, None
