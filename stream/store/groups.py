"""Which keys a cluster keeps together: the only place that names them.

Users are put in a fixed number of groups. A group has a hash tag of its own, so its profiles and its watermarks lie in
one hash slot (Redis Cluster specification, "Hash tags"), hence on one node, also after slots were moved: a node that
loses a group's last writes loses the watermarks that say they were done. The slots lie evenly among all 16,384, so that
nodes with as many slots have as many groups, give or take one.
"""

import hashlib
from functools import cache
from itertools import count
from typing import NamedTuple

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from .redis import PREFIX, WATERMARKS

# Part of the format, not a setting: with another number profiles would be looked for in other places. Each group costs
# a write for every micro-batch; with few of them nodes could not share the load evenly (12 nodes: 10 or 11 each).
GROUPS = 128
_SLOTS_EACH = REDIS_CLUSTER_HASH_SLOTS // GROUPS
_OFF_CENTRE = _SLOTS_EACH // 16  # so far may a group's slot be from the middle of its share


class Group(NamedTuple):
    """Users whose profiles lie in one hash slot.

    Attributes:
        slot: Of all their keys.
        watermarks: Key of the hash with the offset up to which their profiles are stored, by `topic-partition`.
        prefix: Of the keys of their profiles.
    """

    slot: int
    watermarks: str
    prefix: str

    def profile(self, user: str) -> str:
        """The key of a profile."""
        return self.prefix + user


@cache
def groups() -> tuple[Group, ...]:
    """All groups, in the order of their slots. Tags are `g0`, `g1`, …: for each group the first amid its share."""
    tags: dict[int, str] = {}
    for number in count():
        tag = f"g{number}"
        share, within = divmod(key_slot(tag.encode()), _SLOTS_EACH)
        if abs(within - _SLOTS_EACH // 2) <= _OFF_CENTRE:
            tags.setdefault(share, tag)
        if len(tags) == GROUPS:
            break
    return tuple(
        Group(key_slot(tag.encode()), f"{WATERMARKS}:{{{tag}}}", f"{PREFIX}{{{tag}}}:")
        for tag in (tags[place] for place in range(GROUPS))
    )


def group_of(user: str) -> int:
    """The number of a user's group; the same in every process, for ever."""
    return int.from_bytes(hashlib.blake2b(user.encode(), digest_size=8).digest(), "big") % GROUPS


def user_of(key: bytes) -> str:
    """The user whose profile has this key."""
    return key.decode().partition("}:")[2]
