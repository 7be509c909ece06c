"""The kinds of faults, and which of them can strike here."""

import sys
from enum import StrEnum


class Kind(StrEnum):
    """What is done to the servers, the workers and the stream."""

    WORKER_KILLED = "worker: killed"
    WORKER_KILLED_STORING = "worker: killed in a slow write to Redis"
    WORKER_KILLED_PUBLISHING = "worker: killed in a slow write to Kafka"
    ZOMBIE = "worker: stopped, thrown out, wakes up and goes on"
    JOIN = "group: a worker joins"
    LEAVE = "group: a worker leaves"
    BROKER_KILLED = "broker: killed and restarted"
    BROKER_HANGS = "broker: hangs for a while"
    BROKER_FULL = "broker: its disk is full, restarted with room"
    REDIS_KILLED = "Redis: killed, restarted with its data"
    REDIS_HANGS = "Redis: hangs for a while"
    REDIS_FULL = "Redis: its disk is full for a while"
    REDIS_FULL_KILLED = "Redis: its disk is full, killed, restarted with room"
    REDIS_OLD = "Redis: killed, restored from an older snapshot"
    REDIS_EMPTY = "Redis: killed, restarted without its data"
    REDIS_REBUILT = "Redis: killed, rebuilt from profile-updates"
    TRITON_KILLED = "Triton: killed and restarted"
    TRITON_HANGS = "Triton: hangs for a while"
    TRITON_REPLACED = "Triton: stopped, another one in its place"
    POISON = "producer: messages that are no events"
    DUPLICATES = "producer: the same events again"


LOSSY = frozenset({Kind.REDIS_KILLED, Kind.REDIS_FULL_KILLED, Kind.REDIS_OLD, Kind.REDIS_EMPTY, Kind.REDIS_REBUILT})
"""After these Redis may lack writes that it acknowledged; with `appendfsync everysec`, those of the last second too.

What is then read again is published again: for a while revisions go back.
"""

_DURABLE_BROKER = frozenset({Kind.BROKER_KILLED, Kind.BROKER_FULL})
_LIMITED_FILES = frozenset({Kind.BROKER_FULL, Kind.REDIS_FULL, Kind.REDIS_FULL_KILLED})  # only Linux can, of others
_TRITON = frozenset({Kind.TRITON_KILLED, Kind.TRITON_HANGS, Kind.TRITON_REPLACED})


def possible(*, broker_keeps_data: bool, triton: bool) -> tuple[Kind, ...]:
    """The kinds that prove something here.

    Args:
        broker_keeps_data: Whether what was written survives the broker's process; where it does not, killing it
            proves that it keeps nothing.
        triton: Whether there is one.
    """
    left_out: set[Kind] = set()
    left_out |= frozenset() if broker_keeps_data else _DURABLE_BROKER
    left_out |= frozenset() if triton else _TRITON
    left_out |= frozenset() if sys.platform == "linux" else _LIMITED_FILES
    return tuple(kind for kind in Kind if kind not in left_out)
