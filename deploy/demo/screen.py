"""What the demo shows while it runs: live on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ...schemas.events import Interest, ProfileUpdate
from ..terminal import plain
from .accounting import Ledger
from .labels import short_label

ROWS = 10
BAR = 5  # cells
WIDE = 104  # columns of a terminal that has room for everything
LEAST_SHARE = 0.01  # of an interest that is shown
PLAIN_EVERY = 5.0  # seconds between plain lines


class Screen(Protocol):
    """Shows progress."""

    def note(self, message: str) -> None:
        """Something is being prepared or has happened."""

    def show(self, ledger: Ledger, *, learned: str, learning: Sequence[Text] = ()) -> None:
        """The stream as it is now, and what is being learned."""


@dataclass
class PlainScreen:
    """Lines, where nobody watches a terminal."""

    console: Console
    total: int
    _last: float = field(default_factory=time.monotonic)
    _told: list[str] = field(default_factory=list)
    _rate: "Rate" = field(default_factory=lambda: Rate())  # noqa: PLW0108 (defined below)

    def note(self, message: str) -> None:
        """See Screen."""
        self.console.print(plain(message), soft_wrap=True)

    def show(self, ledger: Ledger, *, learned: str, learning: Sequence[Text] = ()) -> None:
        """See Screen."""
        self._rate.at(ledger.seen + ledger.dead)
        if time.monotonic() - self._last >= PLAIN_EVERY:
            self._last = time.monotonic()
            self.console.print(
                f"{ledger.seen + ledger.dead}/{self.total} events, {self._rate.value:.0f}/s, lag {ledger.outstanding}, "
                f"{len(ledger.profiles)} profiles; {learned}",
                highlight=False,
                soft_wrap=True,
            )
            lines = [line.plain for line in learning]
            for line in lines:
                if line not in self._told:
                    self.console.print(plain(line), highlight=False, soft_wrap=True)
            self._told = lines


class LiveScreen:
    """A progress bar over a table of the liveliest profiles.

    Args:
        console: A terminal.
        total: How many events will come.
        edited: What is shown of an update.

    Attributes:
        view: What is on the screen.
    """

    def __init__(
        self, console: Console, total: int, edited: Callable[[ProfileUpdate], ProfileUpdate] = lambda update: update
    ) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=False)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,} of {task.total:,} events"),
            TextColumn("[cyan]{task.fields[rate]}/s[/]  lag {task.fields[lag]}"),
            TimeElapsedColumn(),
            expand=True,
        )
        self._task = self._progress.add_task("replaying", total=total, rate="0", lag=0)
        self._rate = Rate()
        self._liveliest = Liveliest()
        self._edited = edited
        self.view = Group(self._progress)

    def __enter__(self) -> "LiveScreen":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def note(self, message: str) -> None:
        """See Screen."""
        self._live.console.print(plain(message, "dim"))

    def show(self, ledger: Ledger, *, learned: str, learning: Sequence[Text] = ()) -> None:
        """See Screen."""
        done = ledger.seen + ledger.dead
        self._rate.at(done)
        self._progress.update(self._task, completed=done, rate=f"{self._rate.value:,.0f}", lag=ledger.outstanding)
        updates = [self._edited(update) for update in self._liveliest.of(ledger)]
        table = profile_table(updates, self._live.console.width)
        self.view = Group(self._progress, table, *learning, Text(learned, style="dim"))
        self._live.update(self.view)


class Liveliest:
    """Which profiles change most, lately."""

    def __init__(self) -> None:
        self._growth: dict[str, float] = {}
        self._revisions: dict[str, int] = {}

    def of(self, ledger: Ledger) -> list[ProfileUpdate]:
        """Their latest updates, the liveliest first; what happened long ago counts less at each call."""
        for user in self._growth:
            self._growth[user] *= 0.97
        for user, update in ledger.profiles.items():
            if grown := update.revision - self._revisions.get(user, 0):
                self._growth[user] = self._growth.get(user, 0.0) + grown
                self._revisions[user] = update.revision
        liveliest = nlargest(ROWS, self._growth, key=self._growth.__getitem__)
        return [ledger.profiles[user] for user in liveliest]


def profile_table(updates: list[ProfileUpdate], width: int) -> Table:
    """Profiles, a line each: who, how much, what about, in which mood, and why.

    Args:
        updates: What to show.
        width: Of the terminal, in characters; a narrow one has no room for a second interest.
    """
    wide = width >= WIDE
    table = Table(expand=True, box=SIMPLE_HEAD, padding=(0, 1), header_style="dim")
    table.add_column("user", no_wrap=True, width=8, style="bold")
    table.add_column("events", justify="right", no_wrap=True, width=6)
    table.add_column("talks about", no_wrap=True, overflow="ellipsis", ratio=5)
    if wide:
        table.add_column("and", no_wrap=True, overflow="ellipsis", ratio=3)
    table.add_column("mood", no_wrap=True, width=7)
    table.add_column("because they wrote", no_wrap=True, overflow="ellipsis", ratio=4, style="italic")
    for update in updates:
        shown = [interest for interest in update.interests if interest.share >= LEAST_SHARE]
        first = _bar(shown[0]).append(_interest(shown[0])) if shown else Text()
        second = _interest(shown[1]) if len(shown) > 1 else Text()
        row = [plain(update.user[:8]), Text(f"{update.events:,}"), first, *([second] if wide else [])]
        table.add_row(*row, _mood(update.sentiment), _evidence(update))
    return table


class Rate:
    """Events a second over the last few seconds."""

    def __init__(self, window: float = 4.0) -> None:
        self._window = window
        self._points: list[tuple[float, int]] = []

    def at(self, count: int) -> None:
        """So many events by now."""
        now = time.monotonic()
        self._points = [*[p for p in self._points if now - p[0] < self._window], (now, count)]

    @property
    def value(self) -> float:
        """The rate; 0 before there are two points."""
        (first, low), (last, high) = self._points[0], self._points[-1]
        return (high - low) / (last - first) if last > first else 0.0


@contextmanager
def screen_for(console: Console, total: int) -> Iterator[Screen]:
    """The live screen on a terminal, plain lines elsewhere."""
    if console.is_terminal:
        with LiveScreen(console, total) as live:
            yield live
    else:
        yield PlainScreen(console, total)


def _interest(interest: Interest) -> Text:
    share = (f"{interest.share:4.0%} ", "dim")
    return Text.assemble(share, plain(short_label(interest.label), _colour(interest)))


def _bar(interest: Interest) -> Text:
    filled = max(1, round(interest.share * BAR))
    return Text.assemble(("▰" * filled, _colour(interest)), ("▱" * (BAR - filled), "bright_black"))


def _colour(interest: Interest) -> str:
    return "green" if interest.share >= 0.5 else "cyan" if interest.share >= 0.2 else "blue"


def _mood(sentiment: float | None) -> Text:
    if sentiment is None:
        return Text("-", style="dim")
    sign, colour = ("▲", "green") if sentiment > 0.05 else ("▼", "red") if sentiment < -0.05 else ("■", "yellow")
    return Text(f"{sign} {sentiment:+.2f}", style=colour)


def _evidence(update: ProfileUpdate) -> Text:
    """What they wrote about their first interest, where that is kept."""
    leading = update.interests[0].label if update.interests else None
    found = sorted(update.evidence, key=lambda item: item.label != leading)
    return plain(f"“{found[0].excerpt}”") if found else Text()
