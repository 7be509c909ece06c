"""What must have come out: the plain fold of the producer's journal, and updates that say the same as Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import ConsumerRecord

from ...schemas.codec import decode_dead_letter, decode_update
from ...schemas.errors import UnavailableError
from ...schemas.validation import Limits
from ...stream.engine.engine import DEAD_LETTER_HEADER
from ...stream.engine.ports import Partition
from ...stream.profile.state import decode_states
from ...stream.recovery.fold import Fold
from ...stream.recovery.scan import Scanner, Span, scanner
from ...stream.recovery.verify import unequal
from ...stream.simulation.workload import LAYOUT
from ...stream.store.base import ProfileStore, Stored
from .. import wiring
from ..topics import DEAD_LETTERS, PROFILE_UPDATES, USER_EVENTS
from .world import World

_LOOKS = 3
_POLL_SECONDS = 0.3
_CHANCES = 3  # to get on, where the embedded broker's group stands still
_BETWEEN_LOOKS = 1.0  # seconds: what a zombie had under way when it woke up is over by then


class Told(NamedTuple):
    """What an update says of a user."""

    revision: int
    events: int
    state: bytes


@dataclass(slots=True)
class Findings:
    """What differs from what must be.

    Attributes:
        lost: Events that are in no profile, and poison messages that are in no dead letter.
        doubled: Events that are in a profile more than once, and dead letters of what is no poison.
        differing: Users with the right number of events and other sums: something lost, something else doubled.
        stale: Users whose profile is not what the highest revision on `profile-updates` says.
        stale_at_end: Users whose profile is not what their last message there says.
        trouble: Whose, and what, in words.
    """

    lost: int = 0
    doubled: int = 0
    differing: int = 0
    stale: int = 0
    stale_at_end: int = 0
    trouble: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Nothing differs, but perhaps the order of updates."""
        return not (self.lost or self.doubled or self.differing or self.stale)


class Judge:
    """Looks at everything that was written, after each round at what is new.

    Attributes:
        updates: How many updates were read.
        backward: How many of them had a revision below an earlier one of their user.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._fold = Fold(LAYOUT, Limits())
        self._folded = 0
        self._read: dict[Partition, int] = {}
        self._letters: dict[tuple[int, int], bytes | None] = {}
        self._newest: dict[str, Told] = {}
        self._last: dict[str, Told] = {}
        self.updates = 0
        self.backward = 0

    async def examine(self) -> Findings:
        """Compare; look again at what differs, as a worker that was stopped may just be finishing."""
        store = self._world.store()
        try:
            for _ in range(_LOOKS - 1):
                findings = await self._look(store)
                if findings.sound and not findings.stale_at_end:
                    return findings
                await asyncio.sleep(_BETWEEN_LOOKS)
            return await self._look(store)
        finally:
            await store.close()

    async def _look(self, store: ProfileStore) -> Findings:
        async with scanner(wiring.kafka(self._world.settings)) as kafka:
            async for record in self._new(kafka, PROFILE_UPDATES):
                self._note(record)
            async for record in self._new(kafka, DEAD_LETTERS):
                letter = decode_dead_letter(dict(record.headers)[DEAD_LETTER_HEADER])
                self._letters[letter.partition, letter.offset] = record.value
        findings = Findings()
        self._compare_letters(findings)
        await self._compare_profiles(store, findings)
        return findings

    async def _new(self, kafka: Scanner, topic: str) -> AsyncIterator[ConsumerRecord]:
        """Messages that were not read yet."""
        for partition, span in (await kafka.spans(topic)).items():
            async for records in kafka.read(partition, Span(max(span.first, self._read.get(partition, 0)), span.end)):
                for record in records:
                    yield record
                self._read[partition] = records[-1].offset + 1

    def _note(self, record: ConsumerRecord) -> None:
        update = decode_update(record.value)
        told = Told(update.revision, update.events, update.state)
        self.updates += 1
        self._last[update.user] = told
        if update.user not in self._newest or told.revision >= self._newest[update.user].revision:
            self._newest[update.user] = told
        else:
            self.backward += 1

    def _compare_letters(self, findings: Findings) -> None:
        """Poison that was written, and that nobody could tell the producer of, is in no journal and a dead letter."""
        journal = self._world.journal
        missing = journal.poison - self._letters.keys()
        wrong = {place for place, value in self._letters.items() if value in journal.good}
        findings.lost += len(missing)
        findings.doubled += len(wrong)
        for what, places in (("in no dead letter", missing), ("a dead letter, and an event", wrong)):
            findings.trouble += [f"{USER_EVENTS}-{place[0]}@{place[1]} is {what}" for place in sorted(places)[:3]]

    async def _compare_profiles(self, store: ProfileStore, findings: Findings) -> None:
        written = self._world.journal.written
        await self._fold.take(written[self._folded :])
        self._folded = len(written)
        users, expected = self._fold.profiles()
        stored = await store.load(users)
        found = decode_states([value and value.state for value in stored], LAYOUT, self._world.settings.model)
        for row, user in enumerate(users):
            missing = int(expected.events[row] - found.events[row])
            findings.lost += max(missing, 0)
            findings.doubled += max(-missing, 0)
            if what := unequal(expected, row, found, row):
                findings.differing += not missing
                findings.trouble.append(f"{user}: {what}")
            self._compare_updates(user, stored[row], int(found.events[row]), findings)

    def _compare_updates(self, user: str, stored: Stored | None, events: int, findings: Findings) -> None:
        newest, last = self._newest.get(user), self._last.get(user)
        if not _agrees(newest, stored, events):
            findings.stale += 1
            findings.trouble.append(f"{user}: {_words(stored)} in Redis, {_words(newest)} in the newest update")
        findings.stale_at_end += not _agrees(last, stored, events)


def _agrees(told: Told | None, stored: Stored | None, events: int) -> bool:
    """Whether an update says what is stored.

    Not always byte for byte: when Redis lost writes, the same events may have been applied in other batches.
    """
    if told is None or stored is None:
        return told is None and stored is None
    return told.revision == stored.revision and (told.state == stored.state or told.events == events)


def _words(profile: Told | Stored | None) -> str:
    return f"revision {profile.revision}" if profile else "nothing"


async def until_done(world: World, within: float) -> bool:
    """Wait until everything that was written is applied, published and committed; False if that takes too long.

    Nobody may be writing any more.
    """
    store = world.store()
    try:
        for _ in range(_CHANCES):
            with suppress(TimeoutError):
                async with asyncio.timeout(within / _CHANCES):
                    while not await _done(world, store):  # noqa: ASYNC110 (other processes: nothing to be woken by)
                        await asyncio.sleep(_POLL_SECONDS)
                    return True
            if not world.durable:
                world.start_afresh()
    finally:
        await store.close()
    return False


async def _done(world: World, store: ProfileStore) -> bool:
    try:
        async with scanner(wiring.kafka(world.settings)) as kafka:
            spans = await kafka.spans(USER_EVENTS)
            committed = await kafka.committed(world.settings.group, spans)
        marks = await store.watermarks()
    except UnavailableError:
        return False
    return all(
        marks.get(str(partition)) == span.end == committed.get(partition)
        for partition, span in spans.items()
        if span.end
    )
