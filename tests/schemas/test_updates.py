"""Updates written quickly are those that the general Avro library writes."""

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profilestream.schemas.codec import decode_update, encode, encode_record
from profilestream.schemas.errors import BadRecordError
from profilestream.schemas.events import Evidence, Interest, ProfileUpdate
from profilestream.schemas.updates import update_body

longs = st.integers(-(2**63) + 1, 2**63 - 1)
floats = st.floats(allow_nan=False)
interests = st.lists(st.builds(Interest, label=st.text(), share=floats), max_size=6).map(tuple)
evidence = st.lists(
    st.builds(Evidence, label=st.text(), event=st.text(), excerpt=st.text(), confidence=floats, time=longs), max_size=6
).map(tuple)
updates = st.builds(
    ProfileUpdate,
    user=st.text(),
    revision=longs,
    model_version=st.text(),
    topic=st.text(),
    partition=st.integers(0, 2**31 - 1),
    offset=longs,
    time=longs,
    events=longs,
    interests=interests,
    recent_interests=interests,
    sentiment=st.none() | floats,
    sentiment_spread=st.none() | floats,
    evidence=evidence,
    state=st.binary(),
)


@given(updates)
def test_the_bytes_are_those_of_the_general_library(update: ProfileUpdate) -> None:
    """Whatever is in an update; and it comes back."""
    assert update_body(update) is not None
    written = encode(update)
    assert written == encode_record("profile-update", asdict(update))
    assert decode_update(written) == update


@pytest.mark.parametrize("change", [{"revision": 2**63}, {"user": None}, {"time": "now"}, {"state": 7}])
def test_what_no_field_takes_is_refused_by_the_general_library(change: dict[str, object]) -> None:
    """With the same error as ever."""
    update = replace(
        ProfileUpdate(user="ada", revision=1, model_version="m", topic="t", partition=0, offset=0, time=0, events=1),
        **change,
    )
    assert update_body(update) is None
    with pytest.raises(BadRecordError, match="unencodable"):
        encode(update)
