"""All streams, all detectors, and what came of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from ..monitor import DriftOptions
from .data import Scene
from .ours import Ours, Quiet
from .peers import WINDOW, EvidentlyPeer, RiverPeer, first_after
from .streams import SHARES, WITHIN, Cast, Change

CHANGES: tuple[Change, ...] = get_args(Change)
Peers = dict[str, RiverPeer | EvidentlyPeer | str]


@dataclass(slots=True)
class Found:
    """What one detector made of the changes.

    Attributes:
        delays: For each change, texts until the alarm of each stream; None where there was none in time.
        kinds: For each change, what it was said to be.
    """

    delays: dict[str, list[int | None]] = field(default_factory=dict)
    kinds: dict[str, Counter[str]] = field(default_factory=dict)

    def note(self, change: str, delay: int | None, kind: str | None = None) -> None:
        """One stream."""
        self.delays.setdefault(change, []).append(delay)
        if kind:
            self.kinds.setdefault(change, Counter())[kind] += 1

    def power(self, change: str, within: int | None = None) -> float | None:
        """Share of streams whose change was noticed (within so many texts); None where there was no such stream."""
        delays = self.delays.get(change)
        if not delays:
            return None
        return sum(d is not None and (within is None or d <= within) for d in delays) / len(delays)

    def median_delay(self, change: str) -> float | None:
        """Of the streams whose change was noticed."""
        delays = [delay for delay in self.delays.get(change, []) if delay is not None]
        return float(np.median(delays)) if delays else None


@dataclass(slots=True)
class Result:
    """Of ours and of each peer; peers that are absent have a reason instead.

    Attributes:
        domains: That were new.
    """

    options: DriftOptions
    domains: tuple[str, ...] = ()
    ours: Found = field(default_factory=Found)
    quiet: Quiet = field(default_factory=Quiet)
    peers: dict[str, Found] = field(default_factory=dict)
    false_alarms: Counter[str] = field(default_factory=Counter)
    quiet_texts: Counter[str] = field(default_factory=Counter)
    quiet_checks: Counter[str] = field(default_factory=Counter)
    costs: Peers = field(default_factory=dict)
    streams: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON: fractions, texts, microseconds, milliseconds."""
        quiet, costs = self.quiet, self.quiet.costs
        return {
            "power": {str(share): self.ours.power(str(share)) for share in SHARES},
            "power_other": {name: self.ours.power(name) for name in CHANGES if not name.isdigit()},
            "median_delay": {name: self.ours.median_delay(name) for name in CHANGES},
            "kinds": {name: dict(self.ours.kinds.get(name, {})) for name in CHANGES},
            "false_alarms_per_check": quiet.alarms / max(quiet.checks, 1),
            "false_alarms_per_10k": 1e4 * quiet.alarms / max(quiet.texts, 1),
            "adwin_false_alarms_per_10k": 1e4 * quiet.adwin / max(quiet.texts, 1),
            "microseconds_per_event": 1e6 * costs.text_seconds / max(costs.texts, 1),
            "milliseconds_per_check": 1e3 * costs.check_seconds / max(costs.checks, 1),
            "domains": list(self.domains),
            "streams": self.streams,
            "quiet_checks": quiet.checks,
            "window": self.options.window,
            "step": self.options.step,
            "level": self.options.level,
            "peers": {name: self._peer(name) for name in self.costs},
        }

    def _peer(self, name: str) -> dict[str, Any]:
        peer = self.costs[name]
        if isinstance(peer, str):
            return {"absent": peer}
        found = self.peers.get(name, Found())
        return {
            "power": {str(share): found.power(str(share)) for share in SHARES},
            "median_delay": {str(share): found.median_delay(str(share)) for share in SHARES},
            "false_alarms_per_check": self.false_alarms[name] / max(self.quiet_checks[name], 1),
            "false_alarms_per_10k": 1e4 * self.false_alarms[name] / max(self.quiet_texts[name], 1),
            "microseconds_per_event": 1e6 * peer.seconds / max(peer.texts, 1),
            "milliseconds_per_check": 1e3 * peer.seconds / max(peer.checks, 1),
        }


def bench(
    scenes: Iterable[Scene],
    domains: Sequence[str],
    options: DriftOptions,
    peers: Peers,
    *,
    repeats: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda done, total: None,  # noqa: ARG005
) -> Result:
    """Every change on every scene, `repeats` times; peers that judge windows once, they take longest.

    Args:
        scenes: One for each domain that is new.
        domains: Their names.
        options: Of the monitor.
        peers: Other detectors, by name.
        repeats: Draws of reference and streams for each scene.
        seed: Of the draws.
        progress: Told how many draws of how many are done.
    """
    result = Result(options, tuple(domains), costs=peers)
    total = len(domains) * repeats
    for number, scene in enumerate(scenes):
        for repeat in range(repeats):
            cast = Cast.draw(scene, options.reference, seed + 1000 * number + repeat)
            _once(result, cast, first=repeat == 0)
            progress(number * repeats + repeat + 1, total)
    return result


def _once(result: Result, cast: Cast, *, first: bool) -> None:
    ours, reference = Ours(cast, result.options), cast.scene.texts.embeddings[cast.reference]
    active = {
        name: peer for name, peer in result.costs.items() if not isinstance(peer, str) and (first or not peer.slow)
    }
    quiet = cast.quiet()
    ours.quiet(quiet, result.quiet)
    for name, peer in active.items():
        texts, checks = peer.texts, peer.checks
        result.false_alarms[name] += len(peer.alarms(quiet, reference))
        result.quiet_texts[name] += peer.texts - texts
        result.quiet_checks[name] += peer.checks - checks
    for change in CHANGES:
        phase = int(cast.random.integers(0, result.options.step))  # a change does not wait for a window to begin
        stream = cast.changed(change, result.options.window + 2 * result.options.step + phase)
        result.ours.note(change, *ours.changed(stream, change))
        result.streams += 1
        if change.isdigit():
            for name, peer in active.items():
                found = result.peers.setdefault(name, Found())
                found.note(change, first_after(peer.alarms(stream, reference), stream))


__all__ = ["CHANGES", "WINDOW", "WITHIN", "Found", "Peers", "Result", "bench"]
