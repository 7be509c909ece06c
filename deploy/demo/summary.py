"""What the demo says at its end, for people and as JSON."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ...schemas.errors import SetupError
from ..terminal import plain
from .learning import Learning
from .quality import Quality


class MemorySample(NamedTuple):
    """So much memory after so many events."""

    events: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The figures. Latencies in ms from handing an event to the producer to seeing an update that covers it.

    Attributes:
        events_sent: Acknowledged by the broker.
        events_applied: Counted in the stored profiles.
        events_skipped: Recognised as sent before.
        dead_letters: Found in that topic.
        lost: Sent, and none of the three.
        backward: Updates whose revision was below an earlier one of the same user.
        profiles: In the store.
        updates_seen: By the independent consumer.
        seconds: From the first event to the last update.
        latency_p50, latency_p99: In ms.
        bytes_per_profile: Median size of a stored profile.
        largest_profile: In bytes.
        worker_memory: Resident at the end, in bytes.
        memory_over_time: The worker's resident bytes, beside how many events had been seen by then.
        quality: Of the interests.
        sentiment: How the sentiment head correlates with people's judgement on texts that it was not fitted on.
        servers: Which servers took part, and which twin stood in for one.
        learning: The topic that was not known at first, and the update of the encoder.
        full_speed: Events a second in the first half, before anything was trained beside it.
    """

    events_sent: int
    events_applied: int
    events_skipped: int
    dead_letters: int
    backward: int
    profiles: int
    updates_seen: int
    seconds: float
    latency_p50: float
    latency_p99: float
    bytes_per_profile: float
    largest_profile: int
    worker_memory: int
    memory_over_time: tuple[MemorySample, ...]
    quality: Quality
    sentiment: float
    servers: dict[str, str]
    learning: Learning = field(default_factory=Learning)
    full_speed: float = 0.0

    @property
    def lost(self) -> int:
        """Events unaccounted for; negative where some were counted twice."""
        return self.events_sent - self.events_applied - self.events_skipped - self.dead_letters

    @property
    def events_per_second(self) -> float:
        """From the first event sent to the last update seen."""
        return self.events_sent / self.seconds if self.seconds else 0.0

    @property
    def sound(self) -> bool:
        """Nothing lost, nothing doubled, nothing backward."""
        return self.lost == 0 and self.backward == 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "events_sent": self.events_sent,
            "events_applied": self.events_applied,
            "events_skipped": self.events_skipped,
            "dead_letters": self.dead_letters,
            "lost": self.lost,
            "backward": self.backward,
            "profiles": self.profiles,
            "updates_seen": self.updates_seen,
            "events_per_second": round(self.events_per_second, 1),
            "events_per_second_before_update": round(self.full_speed, 1),
            "seconds": round(self.seconds, 2),
            "latency_ms": {"p50": round(self.latency_p50, 1), "p99": round(self.latency_p99, 1)},
            "interests": {
                "users": self.quality.users,
                "top5": round(self.quality.top5, 4),
                "popularity_top5": round(self.quality.popularity_top5, 4),
                "chance_top5": round(self.quality.chance, 4),
            },
            "sentiment": {"held_out_correlation": round(self.sentiment, 4)},
            "bytes_per_profile": round(self.bytes_per_profile),
            "largest_profile_bytes": self.largest_profile,
            "worker_memory_bytes": self.worker_memory,
            "worker_memory_bytes_over_time": [sample._asdict() for sample in self.memory_over_time],
            "learning": self.learning.as_dict(),
            "servers": self.servers,
        }

    @property
    def verdict(self) -> str:
        """What is wrong; empty where all is sound."""
        found = []
        if self.lost > 0:
            found.append(f"{self.lost:,} events are unaccounted for")
        if self.lost < 0:
            found.append(f"{-self.lost:,} events were counted twice")
        if self.backward:
            found.append(f"{self.backward:,} updates went back")
        return "; ".join(found)

    def write(self, file: Path) -> None:
        """As JSON.

        Raises:
            SetupError: The file cannot be written.
        """
        try:
            file.write_bytes(orjson.dumps(self.as_dict(), option=orjson.OPT_INDENT_2) + b"\n")
        except OSError as error:
            raise SetupError(f"cannot write {file}: {error.strerror}") from error

    def panel(self) -> RenderableType:
        """For the screen."""
        events = _grid(
            ("sent", f"{self.events_sent:,}"),
            ("applied", f"{self.events_applied:,}"),
            ("skipped", f"{self.events_skipped:,}"),
            ("dead letters", f"{self.dead_letters:,}"),
            ("lost", f"[bold {'green' if self.sound else 'red'}]{self.lost:,}[/]"),
        )
        flow = _grid(
            ("profiles", f"{self.profiles:,}, {self.bytes_per_profile:,.0f} bytes (median)"),
            ("updates seen", f"{self.updates_seen:,}"),
            ("throughput", f"{self.events_per_second:,.0f} events/s{self._hurry()}"),
            ("latency", f"p50 {self.latency_p50:,.0f} ms, p99 {self.latency_p99:,.0f} ms"),
            ("worker memory", f"{self.worker_memory / 2**20:,.0f} MiB"),
        )
        quality = _grid(
            ("true topics in top 5", f"[bold green]{self.quality.top5:.1%}[/] of {self.quality.users:,} users"),
            ("most popular 5", f"{self.quality.popularity_top5:.1%}"),
            ("chance", f"{self.quality.chance:.1%}"),
            ("sentiment", f"r = {self.sentiment:.2f} with raters"),
        )
        servers = Text("   ".join(f"{part}: {what}" for part, what in self.servers.items()), style="dim")
        columns = Columns([events, flow, quality, *self._learned()], padding=(0, 3))
        verdict = self.learning.verdict()
        said: list[RenderableType] = (
            [plain(verdict, "" if self.learning.outcome == "published" else "yellow"), ""] if verdict else []
        )
        return Panel(Group(columns, "", *said, servers), title="summary", title_align="left")

    def _hurry(self) -> str:
        """The stream waits for the encoder to be trained: that says nothing of how fast it could go."""
        return f" ({self.full_speed:,.0f} before the update)" if self.learning.outcome else ""

    def _learned(self) -> list[Table]:
        rows = self.learning.rows()
        return [_grid(*rows)] if rows else []


def _grid(*rows: tuple[str, str]) -> Table:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    return grid
