"""The quick reader and writer of stored profiles do what the general Avro library does, byte for byte."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from profilestream.schemas.codec import decode_record, encode_record
from profilestream.stream.profile.layout import DAY_MS, Layout
from profilestream.stream.profile.packing import pieces_of, read
from profilestream.stream.profile.state import decode_states, encode_states
from tests.stream.profile.made_up import START, profile_of, side_by_side

LAYOUT = Layout(dimensions=12)

moments = st.lists(st.integers(START, START + int(90 * DAY_MS)), min_size=1, max_size=20)
offsets = st.dictionaries(st.text(max_size=40), st.integers(-1, 2**62), max_size=3)


@given(st.lists(st.tuples(moments, offsets, st.text(max_size=100)), min_size=1, max_size=4))
def test_a_value_is_what_the_general_library_writes_and_reads(
    users: list[tuple[list[int], dict[str, int], str]],
) -> None:
    """Whatever is in a profile: reading it with fastavro and writing it again gives the same bytes and pieces."""
    table = side_by_side(
        *[profile_of(times, LAYOUT, seed=seed, excerpt=said) for seed, (times, _, said) in enumerate(users)]
    )
    table.offsets = [found for _, found, _ in users]
    for value in encode_states(table, "encoder-v1", np.arange(len(table), dtype=np.uint64)):
        record = decode_record("profile-state", value)
        assert encode_record("profile-state", record) == value
        assert read(value) == pieces_of(record)


@given(st.data())
def test_damage_is_left_to_the_general_library(data) -> None:
    """A value that was cut or altered is read as fastavro reads it, or not at all."""
    (value,) = encode_states(profile_of([START] * 3, LAYOUT), "encoder-v1", np.array([1], np.uint64))
    at = data.draw(st.integers(0, len(value) - 1))
    altered = value[:at] + bytes([data.draw(st.integers(0, 255))]) + value[at + 1 :]
    for damaged in (value[:at], altered, value + b"\0"):
        if (found := read(damaged)) is not None:
            assert repr(found) == repr(pieces_of(decode_record("profile-state", damaged)))


def test_a_profile_that_another_writer_split_into_blocks_is_read() -> None:
    """Avro allows a map in several blocks; nobody of us writes that, and it is a profile all the same."""
    table = profile_of([START], LAYOUT)
    (value,) = encode_states(table, "encoder-v1", np.array([1], np.uint64))
    one = b"\x02\x1auser-events-0\x00\x00"
    assert one in value
    split = value.replace(one, b"\x01\x1e\x1auser-events-0\x00\x00")  # a negative count, and its size in bytes
    assert read(split) is None
    assert decode_states([split], LAYOUT, "encoder-v1").offsets == table.offsets
