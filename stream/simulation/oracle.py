"""What must come out: the plain fold of all events that a producer was told are written, and nothing else.

No engine, no store, no batches: the log is read once, events with an id that was there before are left out, and the
rest is one sum a user.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ...inference.hashing import HashEmbedder
from ...schemas.codec import decode_dead_letter, decode_event, decode_update
from ...schemas.errors import BadRecordError
from ...schemas.events import ProfileUpdate, UserEvent
from ...schemas.validation import Limits, validate
from ..engine.analysis import id_hash
from ..engine.engine import DEAD_LETTER_HEADER
from ..engine.memory import MemoryLog
from ..engine.ports import Partition, Record
from ..profile.reduce import reduce
from ..profile.state import decode_states
from ..profile.table import Floats, ProfileTable
from ..profile.units import Observations, type_index, units
from ..store.base import Stored
from .workload import DIMENSIONS, LAYOUT, small_models

SUMS = 1e-5  # relative; sums are stored as float32
VECTORS = 0.02  # of the number of texts; vectors are stored as float16, rounded at random


@dataclass(slots=True)
class Findings:
    """What differs from the oracle.

    Attributes:
        events: Events and poison messages that had to be accounted for.
        lost: Events that are in no profile, and poison messages that are in no dead letter.
        doubled: Events that are in a profile more than once, and dead letters of what is no poison.
        differing: Users with the right number of events and other sums: something lost, something else doubled.
        stale: Users whose profile is not what a consumer of `profile-updates` ends with.
        backward: Updates with a revision below an earlier one of the same user.
        stale_at_end: Users whose last message, which is what compaction keeps, is not the newest.
        trouble: Anything else that must not be, in words.
    """

    events: int = 0
    lost: int = 0
    doubled: int = 0
    differing: int = 0
    stale: int = 0
    backward: int = 0
    stale_at_end: int = 0
    trouble: list[str] = field(default_factory=list)


async def examine(log: MemoryLog, topic: str, profiles: dict[str, Stored]) -> Findings:
    """Compare everything that is stored and written with what must be."""
    findings = Findings()
    good, bad = _read(log, topic)
    findings.events = len(good) + len(bad)
    await _examine_profiles(good, profiles, findings)
    _examine_letters(bad, log, findings)
    _examine_updates(log, profiles, findings)
    return findings


def _read(log: MemoryLog, topic: str) -> tuple[dict[str, list[UserEvent]], set[tuple[int, int]]]:
    """Good events of each user, and the places of the others."""
    good: defaultdict[str, dict[str, UserEvent]] = defaultdict(dict)
    bad: set[tuple[int, int]] = set()
    for number in range(log.partitions):
        partition = Partition(topic, number)
        for record in log.read(partition, 0, log.end(partition)):
            try:
                event = _event(record)
                good[event.user].setdefault(event.id, event)
            except BadRecordError:
                bad.add((number, record.offset))
    return {user: list(events.values()) for user, events in good.items()}, bad


def _event(record: Record) -> UserEvent:
    return validate(decode_event(record.value), record.key, record.timestamp, Limits())


async def _examine_profiles(good: dict[str, list[UserEvent]], profiles: dict[str, Stored], findings: Findings) -> None:
    findings.events += sum(map(len, good.values())) - len(good)
    for user in profiles.keys() - good.keys():
        findings.trouble.append(f"{user} has a profile and no event")
    users = sorted(good)
    expected = await fold([good[user] for user in users])
    states = [profiles[user].state if user in profiles else None for user in users]
    found = decode_states(states, LAYOUT, HashEmbedder().model)
    for row, user in enumerate(users):
        missing = int(expected.events[row] - found.events[row])
        findings.lost += max(missing, 0)
        findings.doubled += max(-missing, 0)
        if not missing and (what := differences(expected, found, row)):
            findings.differing += 1
            findings.trouble.append(f"{user} differs in {', '.join(what)}")


def _examine_letters(bad: set[tuple[int, int]], log: MemoryLog, findings: Findings) -> None:
    letters = [decode_dead_letter(dict(m.headers)[DEAD_LETTER_HEADER]) for m in log.messages("dead-letters")]
    places = {(letter.partition, letter.offset) for letter in letters}
    findings.lost += len(bad - places)
    findings.doubled += len(places - bad)


def _examine_updates(log: MemoryLog, profiles: dict[str, Stored], findings: Findings) -> None:
    newest: dict[str, ProfileUpdate] = {}
    last: dict[str, ProfileUpdate] = {}
    for message in log.messages("profile-updates"):
        update = decode_update(message.value)
        last[update.user] = update
        if update.user not in newest or update.revision >= newest[update.user].revision:
            newest[update.user] = update
        else:
            findings.backward += 1
    for user, stored in profiles.items():
        findings.stale += user not in newest or not same(newest[user], stored)
        findings.stale_at_end += user not in last or not same(last[user], stored)


def same(update: ProfileUpdate, stored: Stored) -> bool:
    """Whether an update says what is stored: the same revision of the same events.

    Not byte for byte: after the store lost writes, the same events may have been applied in other batches.
    """
    if update.revision != stored.revision:
        return False
    if update.state == stored.state:
        return True
    told, kept = (decode_states([state], LAYOUT, update.model_version) for state in (update.state, stored.state))
    return int(told.events[0]) == int(kept.events[0]) and not differences(told, kept, 0)


async def fold(events: Sequence[Sequence[UserEvent]]) -> ProfileTable:
    """The profiles of users, given all events of each."""
    flat = [event for of_user in events for event in of_user]
    owner = np.repeat(np.arange(len(events)), [len(of_user) for of_user in events])
    return reduce(units(await _observe(flat), LAYOUT), owner, len(events))


async def _observe(events: Sequence[UserEvent]) -> Observations:
    rows = [row for row, event in enumerate(events) if event.text and event.text.strip()]
    encoder = HashEmbedder(dimensions=DIMENSIONS)
    said = small_models(encoder).understand(await encoder.embed([events[row].text or "" for row in rows]))
    return Observations(
        time=np.array([event.time for event in events], dtype=np.int64),
        type=np.array([type_index(event.type) for event in events], dtype=np.int64),
        text=np.array(rows, dtype=np.int64),
        label_ids=said.label_ids,
        scores=said.scores,
        polarity=said.polarity,
        vectors=said.vectors,
        codes=said.codes,
        evidence=[()] * len(events),
        ids=[id_hash(event.id) for event in events],
        partition=["" for _ in events],
        offset=[0 for _ in events],
    )


def differences(a: ProfileTable, b: ProfileTable, row: int) -> list[str]:
    """Names of the sums in which a row of two tables differs."""
    exact = {"first": (a.first, b.first), "last": (a.last, b.last)}
    sums = {name: (getattr(a, name), getattr(b, name)) for name in ("weights", "texts", "types", "hours", "sentiment")}
    found = [name for name, (x, y) in exact.items() if x[row] != y[row]]
    found += [name for name, (x, y) in sums.items() if not np.allclose(x[row], y[row], rtol=SUMS, atol=SUMS)]
    if not np.allclose(_labels(a, row), _labels(b, row), rtol=SUMS, atol=SUMS):
        found.append("labels")
    texts = max(float(a.texts[row, -1]), 1.0)
    if not np.allclose(a.vector[row], b.vector[row], rtol=0, atol=VECTORS * texts):
        found.append("vector")
    if not np.allclose(_codes(a, row), _codes(b, row), rtol=0, atol=VECTORS * texts):
        found.append("codes")
    return found


def _labels(table: ProfileTable, row: int) -> Floats:
    """Label sums in columns that do not depend on which other rows there are."""
    wide = np.zeros((table.labels.shape[1], _LABELS))
    wide[:, table.label_ids] = table.labels[row]
    return wide


def _codes(table: ProfileTable, row: int) -> Floats:
    """Vector and weight of each code."""
    codes = table.codes
    mine = codes.row == row
    wide = np.zeros((LAYOUT.codes, LAYOUT.dimensions + 1))
    wide[codes.code[mine], :-1] = codes.vector[mine]
    wide[codes.code[mine], -1] = codes.weight[mine]
    return wide


_LABELS = 3
