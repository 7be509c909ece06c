"""What the demo shows while it runs: live on a terminal, plain lines elsewhere."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from ...schemas.events import ProfileUpdate
from .accounting import Ledger

ROWS = 10
PLAIN_EVERY = 5.0  # seconds between plain lines


class Screen(Protocol):
    """Shows progress."""

    def note(self, message: str) -> None:
        """Something is being prepared or has happened."""

    def show(self, ledger: Ledger, *, learned: str) -> None:
        """The stream as it is now."""


@dataclass
class PlainScreen:
    """Lines, where nobody watches a terminal."""

    console: Console
    total: int
    _last: float = field(default_factory=time.monotonic)
    _rate: "Rate" = field(default_factory=lambda: Rate())  # noqa: PLW0108 (defined below)

    def note(self, message: str) -> None:
        """See Screen."""
        self.console.print(message, highlight=False)

    def show(self, ledger: Ledger, *, learned: str) -> None:
        """See Screen."""
        self._rate.at(ledger.seen + ledger.dead)
        if time.monotonic() - self._last >= PLAIN_EVERY:
            self._last = time.monotonic()
            self.console.print(
                f"{ledger.seen + ledger.dead}/{self.total} events, {self._rate.value:.0f}/s, lag {ledger.outstanding}, "
                f"{len(ledger.profiles)} profiles; {learned}",
                highlight=False,
            )


class LiveScreen:
    """A progress bar over a table of the liveliest profiles."""

    def __init__(self, console: Console, total: int) -> None:
        self._live = Live(console=console, refresh_per_second=4, transient=False)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.completed}/{task.total} events"),
            TextColumn("[cyan]{task.fields[rate]}/s[/]  lag {task.fields[lag]}"),
            TimeElapsedColumn(),
            expand=True,
        )
        self._task = self._progress.add_task("replaying", total=total, rate="0", lag=0)
        self._rate = Rate()
        self._liveliness: dict[str, float] = {}
        self._revisions: dict[str, int] = {}

    def __enter__(self) -> "LiveScreen":
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def note(self, message: str) -> None:
        """See Screen."""
        self._live.console.print(Text(message, style="dim"))

    def show(self, ledger: Ledger, *, learned: str) -> None:
        """See Screen."""
        done = ledger.seen + ledger.dead
        self._rate.at(done)
        self._progress.update(self._task, completed=done, rate=f"{self._rate.value:.0f}", lag=ledger.outstanding)
        self._live.update(Group(self._progress, self._table(ledger), Text(learned, style="dim")))

    def _table(self, ledger: Ledger) -> RenderableType:
        for user in self._liveliness:
            self._liveliness[user] *= 0.97
        for user, update in ledger.profiles.items():
            grown = update.revision - self._revisions.get(user, 0)
            if grown:
                self._liveliness[user] = self._liveliness.get(user, 0.0) + grown
                self._revisions[user] = update.revision
        liveliest = sorted(self._liveliness, key=lambda user: -self._liveliness[user])[:ROWS]
        return profile_table([ledger.profiles[user] for user in liveliest])


def profile_table(updates: list[ProfileUpdate]) -> Table:
    """Profiles, a line each: who, how much, what about, in which mood, and why."""
    table = Table(expand=True, title="liveliest profiles", title_justify="left", title_style="bold")
    table.add_column("user", no_wrap=True, width=8)
    table.add_column("events", justify="right", width=6)
    table.add_column("interests", ratio=3, no_wrap=True, overflow="ellipsis")
    table.add_column("mood", width=9)
    table.add_column("because they wrote", ratio=3, no_wrap=True, overflow="ellipsis", style="italic")
    for update in updates:
        table.add_row(
            update.user[:8], str(update.events), _interests(update), _mood(update.sentiment), _evidence(update)
        )
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


def _interests(update: ProfileUpdate) -> Text:
    shades = ("bold cyan", "cyan", "blue")
    text = Text()
    for shade, interest in zip(shades, update.interests, strict=False):
        text.append(f"{interest.share:.0%} ", style="dim").append(f"{interest.label}  ", style=shade)
    return text


def _mood(sentiment: float | None) -> Text:
    if sentiment is None:
        return Text("-")
    colour = "green" if sentiment > 0.05 else "red" if sentiment < -0.05 else "yellow"
    return Text(f"{'▲' if sentiment > 0.05 else '▼' if sentiment < -0.05 else '■'} {sentiment:+.2f}", style=colour)


def _evidence(update: ProfileUpdate) -> str:
    return f"“{update.evidence[0].excerpt}”" if update.evidence else ""
