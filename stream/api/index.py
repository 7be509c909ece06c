"""Users by what they are like: a bounded index in memory, built from the compacted `profile-updates`.

Redis answers "what is this user like?"; "who else is?" and "who likes this?" need all users at once. The API process
keeps the direction of each profile's vector as float16, its leading interests and a few points of its history: some
1.3 KB a user. It is as fresh as the topic, and gone when the process ends; the compacted topic brings it back.
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...schemas.events import Interest, ProfileUpdate
from ..profile.direction import direction
from .history import NONE, History, grown
from .likeness import likest

LEADING = 5  # interests of a user in the index
_FIRST_SLOTS = 256


class Seen(NamedTuple):
    """A user as the index knows them."""

    user: str
    events: int
    time: int
    interests: tuple[Interest, ...]


class Similar(NamedTuple):
    """A user who is like another: cosine of the vectors less what all have in common, -1 to 1."""

    user: str
    similarity: float
    interests: tuple[Interest, ...]


@dataclass(frozen=True, slots=True)
class Popular:
    """An interest, how many users of the index it leads for, and its mean share among them."""

    label: str
    users: int
    share: float


class UserIndex:
    """Bounded: beyond `capacity` users, the one whose profile changed longest ago is left out.

    Args:
        capacity: Users.
        dimensions: Of the vectors.
    """

    def __init__(self, capacity: int, dimensions: int) -> None:
        self.capacity = capacity
        self._dimensions = dimensions
        self._slots: OrderedDict[str, int] = OrderedDict()
        self._users: list[str] = []
        self._revisions: list[int] = []
        self._free: list[int] = []
        self._names: dict[str, int] = {}
        self._labels: list[str] = []
        self._models: list[str] = []
        self._model: NDArray[np.int16] = np.zeros(0, np.int16)
        self._events: NDArray[np.int64] = np.zeros(0, np.int64)
        self._time: NDArray[np.int64] = np.zeros(0, np.int64)
        self._vectors: NDArray[np.float16] = np.zeros((0, dimensions), np.float16)
        self._interests: NDArray[np.int32] = np.zeros((0, LEADING), np.int32)
        self._shares: NDArray[np.float16] = np.zeros((0, LEADING), np.float16)
        self._history = History()
        self.left_out = 0

    def __len__(self) -> int:
        return len(self._slots)

    def take(self, update: ProfileUpdate) -> bool:
        """Remember an update, and say whether it is news: not where the same or a later revision was here.

        Raises:
            ArtefactError: Its state is not one.
        """
        slot = self._slots.get(update.user)
        if slot is not None and update.revision <= self._revisions[slot]:
            return False
        if self.capacity == 0:
            return True
        slot = self._new_slot(update.user) if slot is None else slot
        self._slots.move_to_end(update.user)
        self._revisions[slot] = update.revision
        self._events[slot], self._time[slot] = update.events, update.time
        self._interests[slot], self._shares[slot] = self._encoded(update.interests)
        self._history.add(slot, update.time, *self._encoded(update.interests))
        self._take_vector(slot, update.state)
        return True

    def forget(self, user: str) -> None:
        """Keep nothing of a user."""
        slot = self._slots.pop(user, None)
        if slot is not None:
            self._users[slot], self._events[slot], self._model[slot] = "", 0, NONE
            self._interests[slot] = NONE
            self._vectors[slot] = 0
            self._history.clear(slot)
            self._free.append(slot)

    def find(self, part: str, most: int) -> list[Seen]:
        """Users with `part` in their id, in any case, those that changed lately first; all for an empty one."""
        part = part.casefold()
        found: list[Seen] = []
        for user in reversed(list(self._slots)):
            if part in user.casefold():
                found.append(self._seen(self._slots[user]))
                if len(found) == most:
                    break
        return found

    def popular(self) -> list[Popular]:
        """All interests, those of most users first."""
        used = self._interests[: len(self._users)]
        leading, shares = used[:, 0], self._shares[: len(self._users), 0].astype(np.float64)
        held = leading != NONE
        counts = np.bincount(leading[held], minlength=len(self._labels))
        totals = np.bincount(leading[held], weights=shares[held], minlength=len(self._labels))
        order = np.argsort(-counts, kind="stable")
        return [Popular(self._labels[i], int(counts[i]), float(totals[i] / counts[i])) for i in order if counts[i]]

    def top(self, label: str, most: int, least_events: int) -> list[tuple[Seen, float]]:
        """The users with the largest share of an interest, and that share; of equal ones the busier first."""
        if label not in self._names:
            return []
        used = len(self._users)
        rows, columns = np.nonzero(self._interests[:used] == self._names[label])
        enough = self._events[rows] >= least_events
        rows, columns = rows[enough], columns[enough]
        shares = self._shares[rows, columns].astype(np.float64)
        best = np.lexsort((-self._events[rows], -shares))[:most]
        return [(self._seen(int(rows[i])), float(shares[i])) for i in best]

    def similar(self, user: str, most: int) -> list[Similar] | None:
        """The users most like one, the likest first; None where the index does not know them, or has no vector."""
        slot = self._slots.get(user)
        if slot is None or self._model[slot] == NONE:
            return None
        same = np.flatnonzero(self._model[: len(self._users)] == self._model[slot])
        rows, cosines = likest(self._vectors, same, slot, most)
        return [
            Similar(self._users[row], cosine, self._leading(row)) for row, cosine in zip(rows, cosines, strict=True)
        ]

    def history(self, user: str) -> list[tuple[int, tuple[Interest, ...]]] | None:
        """Times (ms) and the leading interests then, the oldest first; None where the index does not know the user."""
        slot = self._slots.get(user)
        if slot is None:
            return None
        return [
            (point.time, tuple(Interest(label=self._labels[i], share=share) for i, share in point.labels))
            for point in self._history.points(slot)
        ]

    def _take_vector(self, slot: int, state: bytes) -> None:
        model, vector = direction(state) if state else ("", np.zeros(0, np.float32))
        if len(vector) != self._dimensions:
            self._model[slot] = NONE
            return
        if model not in self._models:
            self._models.append(model)
        self._model[slot] = self._models.index(model)
        self._vectors[slot] = vector

    def _new_slot(self, user: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._users[slot] = user
        elif len(self._slots) < self.capacity:
            slot = len(self._users)
            self._users.append(user)
            self._revisions.append(0)
            if slot == len(self._events):
                self._grow(min(self.capacity, max(_FIRST_SLOTS, 2 * slot)))
        else:
            _, slot = self._slots.popitem(last=False)
            self.left_out += 1
            self._users[slot] = user
            self._history.clear(slot)
        self._slots[user] = slot
        return slot

    def _grow(self, slots: int) -> None:
        self._model, self._events, self._time = (
            grown(self._model, slots),
            grown(self._events, slots),
            grown(self._time, slots),
        )
        self._vectors = grown(self._vectors, slots)
        self._interests, self._shares = grown(self._interests, slots), grown(self._shares, slots)
        self._history.grow(slots)

    def _encoded(self, interests: Sequence[Interest]) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
        labels, shares = np.full(LEADING, NONE, np.int32), np.zeros(LEADING, np.float16)
        for at, interest in enumerate(interests[:LEADING]):
            labels[at], shares[at] = self._number(interest.label), interest.share
        return labels, shares

    def _number(self, label: str) -> int:
        if label not in self._names:
            self._names[label] = len(self._labels)
            self._labels.append(label)
        return self._names[label]

    def _leading(self, slot: int) -> tuple[Interest, ...]:
        pairs = zip(self._interests[slot].tolist(), self._shares[slot].tolist(), strict=True)
        return tuple(Interest(label=self._labels[i], share=share) for i, share in pairs if i != NONE)

    def _seen(self, slot: int) -> Seen:
        return Seen(self._users[slot], int(self._events[slot]), int(self._time[slot]), self._leading(slot))
