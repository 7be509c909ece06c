"""The kinds of faults, and the dice that decide when they strike."""

import random
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Fault(StrEnum):
    """What can go wrong. The first ones strike at a call, the others whenever they like."""

    STORE_REFUSES = "store: call fails"
    STORE_ANSWER_LOST = "store: call works, its answer is lost"
    STORE_TORN = "store: some writes of a call are done, then it fails"
    BROKER_REFUSES = "broker: produce fails"
    BROKER_ANSWER_LOST = "broker: produce works, its answer is lost"
    BROKER_TORN = "broker: some messages of a produce are written, then it fails"
    BROKER_LATE = "broker: a produce that failed is written later"
    ENCODER_FAILS = "encoder: call fails"
    ENCODER_TIMES_OUT = "encoder: call times out"
    COMMIT_LOST = "group: commit is lost"
    REDELIVERY = "group: delivered again from an earlier offset"
    PRODUCER_RETRY = "producer: written, but told that it failed"
    PRODUCER_FAILS = "producer: not written"
    PRODUCER_DUPLICATE = "producer: sent again later"
    POISON = "producer: a message that is no event"
    CRASH_AT_CALL = "worker: killed at a call"

    CRASH = "worker: killed"
    ZOMBIE = "worker: stopped, thrown out, wakes up and goes on"
    DEAF = "worker: thrown out, goes on without knowing"
    JOIN = "group: a worker joins"
    LEAVE = "group: a worker leaves"
    REBALANCE = "group: rebalance"
    STORE_LOSES = "store: restarted without its last writes"
    STORE_EMPTY = "store: restarted without any data"
    STORE_RESTARTS = "store: restarted with its data"
    STORE_DOWN = "store: down for a while"
    BROKER_DOWN = "broker: down for a while"
    ENCODER_DOWN = "encoder: down for a while"
    ENCODER_HANGS = "encoder: hangs for a while"


RATES: Mapping[Fault, float] = {
    Fault.STORE_REFUSES: 0.02,
    Fault.STORE_ANSWER_LOST: 0.02,
    Fault.STORE_TORN: 0.1,
    Fault.BROKER_REFUSES: 0.03,
    Fault.BROKER_ANSWER_LOST: 0.05,
    Fault.BROKER_TORN: 0.05,
    Fault.BROKER_LATE: 0.04,
    Fault.ENCODER_FAILS: 0.03,
    Fault.ENCODER_TIMES_OUT: 0.01,
    Fault.COMMIT_LOST: 0.1,
    Fault.REDELIVERY: 0.1,
    Fault.PRODUCER_RETRY: 0.005,
    Fault.PRODUCER_FAILS: 0.005,
    Fault.PRODUCER_DUPLICATE: 0.01,
    Fault.POISON: 0.01,
    Fault.CRASH_AT_CALL: 0.005,
}
"""How likely each fault is at each opportunity."""

LOSSES = frozenset({Fault.STORE_LOSES, Fault.STORE_EMPTY})
"""After these, profiles are behind for a while, and so are the updates of them."""

STRUCK: tuple[Fault, ...] = tuple(fault for fault in Fault if fault not in RATES)
"""The faults that need no opportunity."""


@dataclass(slots=True)
class Dice:
    """Decides, counts and writes down.

    Attributes:
        random: The only source of chance in a history.
        most: After so many faults there are no more: a shorter history begins as the longer one did.
        kinds: Only these strike.
        counts: How many of which kind struck.
        story: What happened, in order.
    """

    random: random.Random
    most: int
    kinds: Collection[Fault] = tuple(Fault)
    counts: Counter[Fault] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """No more faults."""
        return self.counts.total() >= self.most

    def allows(self, fault: Fault) -> bool:
        """Whether there may be more faults of this kind."""
        return not self.over and fault in self.kinds

    def strikes(self, fault: Fault, now: float, where: str) -> bool:
        """Whether a fault that has an opportunity strikes."""
        return self.random.random() < RATES[fault] and self.strike(fault, now, where)

    def strike(self, fault: Fault, now: float, where: str) -> bool:
        """Write a fault down, unless there are no more of its kind."""
        if not self.allows(fault):
            return False
        self.counts[fault] += 1
        self.story.append(f"{now:9.3f} s  {fault}: {where}" if where else f"{now:9.3f} s  {fault}")
        return True

    def between(self, low: float, high: float) -> float:
        """A number of seconds."""
        return self.random.uniform(low, high)
