"""A profile as bytes: nothing is lost but what rounding takes, and it fits its budget."""

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from profilestream.inference.spaces import Way
from profilestream.schemas.codec import decode_record, encode_record
from profilestream.schemas.errors import ArtefactError
from profilestream.stream.profile.layout import DAY_MS, Layout
from profilestream.stream.profile.reduce import reduce
from profilestream.stream.profile.state import decode_states, decode_with_models, encode_states
from profilestream.stream.profile.table import ProfileTable
from profilestream.stream.profile.units import units
from tests.stream.profile.made_up import START, observe, profile_of, side_by_side

LAYOUT = Layout(dimensions=12)
MODEL = "encoder-v1"

moments = st.lists(st.integers(START, START + int(90 * DAY_MS)), min_size=1, max_size=20)


def seeds(table: ProfileTable, first: int = 1) -> np.ndarray:
    """A seed a row."""
    return np.arange(first, first + len(table), dtype=np.uint64)


def stored(table: ProfileTable, layout: Layout = LAYOUT) -> ProfileTable:
    """The table as it comes back from the store."""
    return decode_states(encode_states(table, MODEL, seeds(table)), layout, MODEL)


@given(st.lists(moments, min_size=1, max_size=4))
def test_a_stored_profile_comes_back(users: list[list[int]]) -> None:
    """Counts, times, offsets and evidence exactly, sums of labels to float32, vectors to stochastic rounding."""
    table = side_by_side(*[profile_of(times, LAYOUT, seed=seed) for seed, times in enumerate(users)])
    back = stored(table)
    for column in ("t_ref", "first", "last", "events", "weights", "texts", "sentiment"):
        assert_array_equal(getattr(back, column), getattr(table, column), err_msg=column)
    for column in ("types", "hours", "labels"):
        assert_allclose(getattr(back, column), getattr(table, column), rtol=1e-6, err_msg=column)
    assert (back.evidence, back.offsets, back.recent) == (table.evidence, table.offsets, table.recent)
    # One step of float16 at the scale of the sum, which is a power of two at or above the number of texts.
    assert_allclose(back.vector, table.vector, rtol=2**-10, atol=2**-24 * 4 * max(table.texts[:, -1].max(), 1.0))
    assert_array_equal(back.codes.row, table.codes.row)
    assert_array_equal(back.codes.code, table.codes.code)
    assert_allclose(back.codes.weight, table.codes.weight, rtol=1e-6)
    assert_allclose(back.codes.vector, table.codes.vector, rtol=2**-10, atol=2**-20)


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A replay writes what was written before; another seed rounds otherwise."""
    table = profile_of([START + n for n in range(9)], LAYOUT)
    first, again = (encode_states(table, MODEL, seeds(table)) for _ in range(2))
    assert first == again
    assert encode_states(table, MODEL, seeds(table, 2)) != first


def test_what_is_stored_again_unchanged_stays_the_same() -> None:
    """Reading and writing wears nothing away, whatever the seed: what is on float16's grid is not rounded."""
    once = stored(profile_of([START + n for n in range(9)], LAYOUT))
    assert encode_states(stored(once), MODEL, seeds(once, 77)) == encode_states(once, MODEL, seeds(once, 5))


def test_users_without_a_profile_are_empty_rows() -> None:
    """New users stand between known ones, in the order that was asked for."""
    (value,) = encode_states(profile_of([START, START + 5], LAYOUT), MODEL, np.array([1], np.uint64))
    table = decode_states([None, value, None], LAYOUT, MODEL)
    assert table.events.tolist() == [0, 2, 0]
    assert set(table.codes.row.tolist()) == {1}
    assert len(decode_states([], LAYOUT, MODEL)) == 0


def test_label_columns_become_the_union() -> None:
    """Profiles that know different labels stand side by side; what one does not know is zero."""
    one = profile_of([START] * 3, LAYOUT, label_ids=np.array([2, 5]))
    other = profile_of([START] * 3, LAYOUT, label_ids=np.array([5, 9, 4096]))
    values = [value for table in (one, other) for value in encode_states(table, MODEL, seeds(table))]
    back = decode_states(values, LAYOUT, MODEL)
    assert back.label_ids.tolist() == [2, 5, 9, 4096]
    assert_allclose(back.labels[0], np.pad(one.labels[0], ((0, 0), (0, 2))), rtol=1e-6)
    assert_allclose(back.labels[1], np.pad(other.labels[0], ((0, 0), (1, 0))), rtol=1e-6)


def test_vectors_of_another_model_are_left_out() -> None:
    """Everything that does not depend on the encoder stays; vectors of two encoders are never added."""
    table = profile_of([START] * 5, LAYOUT)
    back = decode_states(encode_states(table, "encoder-v0", seeds(table)), LAYOUT, MODEL)
    assert not back.vector.any()
    assert len(back.codes.row) == 0
    assert back.events.tolist() == [5]
    assert_allclose(back.labels, table.labels, rtol=1e-6)


def test_another_number_of_half_lives_is_refused() -> None:
    """Sums of another shape are not silently taken for ours: the message names the setting."""
    table = profile_of([START], LAYOUT)
    values = encode_states(table, MODEL, seeds(table))
    with pytest.raises(ArtefactError, match="2 half-lives, the settings 3"):
        decode_states(values, Layout(dimensions=12, half_lives=(1.0, 2.0, 3.0)), MODEL)


@pytest.mark.parametrize("value", [b"", b"\xc3\x01 not a profile", b"hello, I am somebody else's key"])
def test_what_is_not_a_profile_is_refused(value: bytes) -> None:
    """A key that another program wrote is an error of the store's contents, not of the user's event."""
    with pytest.raises(ArtefactError):
        decode_states([value], LAYOUT, MODEL)


@given(st.data())
def test_a_truncated_profile_is_refused(data) -> None:
    """Half a value raises our error, whatever it was cut in."""
    (value,) = encode_states(profile_of([START] * 3, LAYOUT), MODEL, np.array([1], np.uint64))
    with pytest.raises(ArtefactError):
        decode_states([value[: data.draw(st.integers(0, len(value) - 1))]], LAYOUT, MODEL)


def test_arrays_of_another_length_are_refused() -> None:
    """A value that is whole but was written with other event types or another code is not read askew."""
    (value,) = encode_states(profile_of([START] * 3, LAYOUT), MODEL, np.array([1], np.uint64))
    record = decode_record("profile-state", value)
    for column in ("types", "hours", "sentiment", "label_sums", "code_vectors"):
        with pytest.raises(ArtefactError):
            decode_states([encode_record("profile-state", {**record, column: record[column][:-4]})], LAYOUT, MODEL)


def test_updating_stored_profiles_is_updating_profiles() -> None:
    """Storing after each event or only at the end gives the same profile, but for rounding."""
    seen = observe([START + int(n * DAY_MS / 8) for n in range(60)], LAYOUT)
    at_once = reduce(units(seen, LAYOUT), np.zeros(60, np.int64), 1)
    stepwise = ProfileTable.empty(1, LAYOUT)
    for row in range(60):
        event = units(seen.take(np.array([row])), LAYOUT)
        stepwise = stored(reduce(side_by_side(stepwise, event), np.zeros(2, np.int64), 1))
    assert_allclose(stepwise.weights, at_once.weights, rtol=1e-9)
    assert_allclose(stepwise.labels, at_once.labels, rtol=1e-4)
    cosine = (stepwise.vector * at_once.vector).sum() / np.linalg.norm(stepwise.vector) / np.linalg.norm(at_once.vector)
    assert cosine > 0.9999


def size(events: int, *, codes: int, excerpt: int, event_id: str) -> int:
    """Bytes of one profile in the default layout with 34 labels."""
    layout = Layout()
    table = profile_of(
        [START + int(n * DAY_MS) for n in range(events)],
        layout,
        label_ids=np.arange(34),
        codes=codes,
        unspoken=1000,
        excerpt="x" * excerpt,
        event_id=event_id,
    )
    (value,) = encode_states(table, MODEL, np.array([1], np.uint64))
    return len(value)


def test_a_typical_profile_fits_in_4_kb(record_property) -> None:
    """17 events about 6 interests, 34 labels, as people write in chats: the design's budget."""
    found = size(17, codes=6, excerpt=40, event_id="u1000-{:06}")
    record_property("bytes", found)
    assert found <= 4096


def test_a_full_profile_fits_in_8_kb(record_property) -> None:
    """Everything at its cap: 8 codes, 34 labels, 6 excerpts of 80 characters, 16 remembered ids."""
    found = size(300, codes=16, excerpt=80, event_id=f"{uuid.UUID(int=0)}-{{:03}}")
    record_property("bytes", found)
    assert found <= 8192


def test_vectors_are_carried_over_where_a_way_leads() -> None:
    """Rows of three encoders in one batch: each is mapped by its own matrix, and who has none is left out."""
    tables = [profile_of([START + n] * 5, LAYOUT, seed=n) for n in range(3)]
    names = [MODEL, "encoder-v0", "unknown"]
    values = [encode_states(t, name, seeds(t))[0] for t, name in zip(tables, names, strict=True)]
    way = np.random.default_rng(0).normal(size=(12, 12))
    back = decode_states(values, LAYOUT, MODEL, {"encoder-v0": Way(way)})
    exact = [decode_states([value], LAYOUT, name) for value, name in zip(values, names, strict=True)]
    assert_allclose(back.vector[0], exact[0].vector[0], rtol=1e-12)
    assert_allclose(back.vector[1], exact[1].vector[0] @ way, rtol=1e-12)
    assert not back.vector[2].any()
    of_row = back.codes.vector[back.codes.row == 1]
    assert_allclose(of_row, exact[1].codes.vector @ way, rtol=1e-12)
    assert set(back.codes.row.tolist()) == {0, 1}


def test_who_never_wrote_a_text_belongs_to_no_encoder() -> None:
    """A profile of clicks alone has nothing to carry over, so it is ours from the start."""
    table = profile_of([START], LAYOUT, unspoken=1)
    _, models = decode_with_models(encode_states(table, "unknown", seeds(table)), LAYOUT, MODEL)
    assert models == [MODEL]
