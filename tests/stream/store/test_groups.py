"""Which keys a cluster keeps together."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from profilestream.stream.store.cluster import lowest
from profilestream.stream.store.groups import GROUPS, group_of, groups, user_of

OFFSETS = st.dictionaries(st.sampled_from(["events-0", "events-1", "events-2"]), st.integers(0, 2**50))


@given(st.text())
def test_a_profile_lies_where_its_watermarks_lie(user: str) -> None:
    """In one hash slot, whatever is in the user's id; and the id can be read from the key."""
    group = groups()[group_of(user)]
    key = group.profile(user).encode()
    assert key_slot(key) == key_slot(group.watermarks.encode()) == group.slot
    assert user_of(key) == user


def test_groups_are_what_they_were() -> None:
    """Stored profiles are found again by every later version."""
    assert [group_of(user) for user in ("ada", "grace", "王", "")] == [39, 85, 119, 52]
    assert (groups()[0].watermarks, groups()[-1].prefix) == ("profilestream:watermarks:{g419}", "profile:{g952}:")


def test_users_spread_over_the_groups() -> None:
    """Ids that differ in a digit alone, as most do, fill all groups alike."""
    users = 64_000
    sizes = Counter(group_of(f"user-{number}") for number in range(users))
    assert len(sizes) == GROUPS
    assert max(sizes.values()) < 1.25 * users / GROUPS


def test_groups_spread_over_the_slots() -> None:
    """Nodes that share the slots evenly share the groups evenly, however many nodes there are."""
    slots = [group.slot for group in groups()]
    for nodes in range(1, 33):
        each = Counter(slot * nodes // REDIS_CLUSTER_HASH_SLOTS for slot in slots)
        assert max(each.values()) - min(each.values()) <= 1


@given(st.lists(OFFSETS, min_size=1, max_size=5))
def test_nothing_is_taken_for_stored_that_a_group_lacks(watermarks: list[dict[str, int]]) -> None:
    """A partition's watermark is at most that of every group; a group that knows nothing of it says that nothing is."""
    found = lowest([{name.encode(): b"%d" % offset for name, offset in group.items()} for group in watermarks])
    for name in {name for group in watermarks for name in group}:
        assert found.get(name, 0) == min(group.get(name, 0) for group in watermarks)
