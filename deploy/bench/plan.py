"""From one machine's figures to a deployment: what events cost, what bends first, and what more would take.

A queueing law and nothing else (Denning and Buzen, The Operational Analysis of Queueing Network Models, 1978, the
utilisation law and the bottleneck bound): a part that costs D seconds of a core an event and has c cores takes at most
c/D events a second, the parts of one machine share its cores, and the smallest bound is the throughput. Costs are
processor seconds as `profilestream bench --json` measured them; a bound is reached up to the efficiency that the same
run showed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Self

from ...schemas.errors import ConfigurationError

PARTS: tuple[str, ...] = ("worker", "triton", "broker", "store")
_NAMES = {"worker": "worker", "triton": "triton", "tansu": "broker", "kafka": "broker", "valkey": "store"}
_ONE_THREAD = ("worker", "store")  # each is one event loop: more cores do not help one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What a stream is made of.

    Attributes:
        with_text: Share of events with a text.
        new_text: Share of the texts that no cache knows.
        updates: Updates an event: 1 where hardly any user comes twice in a micro-batch.
    """

    with_text: float = 1.0
    new_text: float = 1.0
    updates: float = 1.0


Seconds = dict[str, float]  # of a core, by part


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """Seconds of a core by part, and how much of a bound was reached.

    Attributes:
        event: Of an event without a text, but for its update.
        known_text: On top, of a text that the cache knows.
        new_text: On top of that, of one that has to be embedded.
        update: Of an update: a profile read, written, published.
        cores: Of the machine that was measured.
        measured: Events a second of each kind that was measured.
        efficiency: Of the bound of all cores, and of that of one thread.
    """

    event: Seconds
    known_text: Seconds
    new_text: Seconds
    update: Seconds
    cores: int
    measured: dict[str, float]
    efficiency: tuple[float, float]

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """From what `profilestream bench --json` wrote.

        Raises:
            ConfigurationError: It lacks the sections that say what things cost.
        """
        try:
            kinds = {name: found[name] for name in ("without_text", "known_texts", "distinct")}
            by_users = found["users"][-1]
            plain, known, new = (_seconds(kinds[name]) for name in kinds)
            update = _difference(
                _seconds(by_users), plain, by_users["updates_per_event"] - _updates(kinds["without_text"])
            )
            event = _without(plain, update, _updates(kinds["without_text"]))
            known_text = _difference(_without(known, update, _updates(kinds["known_texts"])), event)
            new_text = _difference(_without(new, update, _updates(kinds["distinct"])), _sum(event, known_text))
            measured = {name: one["events_per_second"] for name, one in kinds.items()}
            cores = found["machine"]["cores"]
        except (KeyError, IndexError, TypeError) as error:
            raise ConfigurationError(
                f"these figures lack {error}: measure them with `profilestream bench --only pipeline,users --json FILE`"
            ) from error
        bare = cls(
            event=event,
            known_text=known_text,
            new_text=new_text,
            update=update,
            cores=cores,
            measured=measured,
            efficiency=(1.0, 1.0),
        )
        return bare._calibrated(kinds)

    def _calibrated(self, kinds: Mapping[str, Any]) -> Self:
        """With the efficiencies of this run: how near a measured rate came to each bound at best.

        Two numbers for all kinds of events, so every rate that the model gives back is a prediction of it.
        """
        reached = [(measured_rate(kinds, kind), self._bounds(_mix(kind, kinds))) for kind in kinds]
        machine = max(rate / bounds["machine"] for rate, bounds in reached)
        thread = max(rate / bounds["worker"] for rate, bounds in reached)
        return type(self)(
            event=self.event,
            known_text=self.known_text,
            new_text=self.new_text,
            update=self.update,
            cores=self.cores,
            measured=self.measured,
            efficiency=(machine, thread),
        )

    def demand(self, mix: Mix) -> Seconds:
        """Seconds of a core an event, by part."""
        text, new = mix.with_text, mix.with_text * mix.new_text
        return {
            part: max(
                0.0,
                self.event[part]
                + text * self.known_text[part]
                + new * self.new_text[part]
                + mix.updates * self.update[part],
            )
            for part in PARTS
        }

    def one_machine(self, mix: Mix, workers: int = 1) -> tuple[float, str]:
        """Events a second of the machine that was measured, and which bound that is.

        Args:
            mix: Of the stream.
            workers: On it.
        """
        bounds = self._bounds(mix, workers)
        reached = {name: bound * self.efficiency[name != "machine"] for name, bound in bounds.items()}
        first = min(reached, key=reached.__getitem__)
        return reached[first], first

    def _bounds(self, mix: Mix, workers: int = 1) -> dict[str, float]:
        demand = self.demand(mix)
        bounds = {"machine": self.cores / max(1e-9, sum(demand.values()))}
        for part in _ONE_THREAD:
            bounds[part] = (workers if part == "worker" else 1) / max(1e-9, demand[part])
        return bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """What a rate takes.

    Attributes:
        workers: Processes, each of one core.
        partitions: Twice as many, so that workers can be added.
        triton_cores: For the encoder, where it runs on processors.
        gpus: In place of them, where the throughput of one is given.
        broker_cores: For the brokers.
        stores: Redis servers by their threads; more than one: nodes of a cluster.
        core_hours: For a million events.
        first: The part that would bend next: the least room of all.
    """

    workers: int
    partitions: int
    triton_cores: int
    gpus: int | None
    broker_cores: int
    stores: int
    core_hours: float
    first: str


def plan(costs: Costs, rate: float, mix: Mix, *, load: float = 0.6, gpu_texts: float | None = None) -> Deployment:
    """What a rate takes.

    Args:
        costs: Measured.
        rate: Events a second.
        mix: Of the stream.
        load: Share of each part's bound that may be used: room for peaks, and for a worker that is gone.
        gpu_texts: Texts a second of one GPU: measure it there (`perf_analyzer`), this model does not know it.
    """
    demand = costs.demand(mix)
    needed = {part: rate * demand[part] / load for part in PARTS}
    thread = costs.efficiency[1]
    counts = {
        "worker": max(1, ceil(needed["worker"] / thread)),
        "triton": ceil(needed["triton"]),
        "broker": max(1, ceil(needed["broker"])),
        "store": max(1, ceil(needed["store"] / thread)),
    }
    gpus = None if gpu_texts is None else ceil(rate * mix.with_text * mix.new_text / load / gpu_texts)
    used = {part: needed[part] / counts[part] for part in PARTS if counts[part] and not (part == "triton" and gpus)}
    return Deployment(
        workers=counts["worker"],
        partitions=2 * counts["worker"],
        triton_cores=0 if gpus else counts["triton"],
        gpus=gpus,
        broker_cores=counts["broker"],
        stores=counts["store"],
        core_hours=1e6 * sum(demand.values()) / 3600,
        first=max(used, key=used.__getitem__),
    )


def measured_rate(found: Mapping[str, Any], kind: str) -> float:
    """Events a second of a kind, as it was measured."""
    rate: float = found[kind]["events_per_second"]
    return rate


def predicted(found: Mapping[str, Any], kind: str) -> float:
    """Events a second of a kind by the model that is fed with the same figures."""
    return Costs.of(found).one_machine(_mix(kind, found))[0]


def _mix(kind: str, found: Mapping[str, Any]) -> Mix:
    text, new = {"without_text": (0.0, 0.0), "known_texts": (1.0, 0.0), "distinct": (1.0, 1.0)}[kind]
    return Mix(with_text=text, new_text=new, updates=_updates(found[kind]))


def _seconds(figures: Mapping[str, Any]) -> Seconds:
    """Of a core an event, by part."""
    used = figures["cpu_us_per_event"]
    found = dict.fromkeys(PARTS, 0.0)
    for name, value in used.items():
        if name in _NAMES:
            found[_NAMES[name]] += value / 1e6
    return found


def _updates(figures: Mapping[str, Any]) -> float:
    updates: float = figures["updates_per_event"]
    return updates


def _sum(one: Seconds, other: Seconds) -> Seconds:
    return {part: one[part] + other[part] for part in PARTS}


def _without(whole: Seconds, update: Seconds, updates: float) -> Seconds:
    return {part: max(0.0, whole[part] - updates * update[part]) for part in PARTS}


def _difference(more: Seconds, less: Seconds, by: float = 1.0) -> Seconds:
    """What is on top, for each of `by`; never below nothing, as measured times jitter."""
    return {part: max(0.0, more[part] - less[part]) / max(1e-9, by) for part in PARTS}
