"""Validation: where each kind of wrong event ends, and that a right one passes."""

import dataclasses
import math

import pytest

from profilestream.schemas.errors import BadRecordError
from profilestream.schemas.events import UserEvent
from profilestream.schemas.validation import DAY_MS, Limits, validate

NOW = 1_700_000_000_000
GOOD = UserEvent(id="e1", user="ann", type="message", time=NOW, text="hello", properties={"stars": 4.5, "n": 3})


def check(key=b"ann", produced=NOW, limits=None, **changes):
    """The good event with some fields changed, validated."""
    return validate(dataclasses.replace(GOOD, **changes), key, produced, limits or Limits())


def reason(**arguments):
    """Why such an event is refused."""
    with pytest.raises(BadRecordError) as caught:
        check(**arguments)
    return caught.value.reason


def test_good_event_passes():
    """A right event comes back as it is."""
    assert check() == GOOD


def test_key_may_be_absent():
    """A producer without keys is accepted: the user is in the event."""
    assert check(key=None) == GOOD


@pytest.mark.parametrize("user", ["", "  "])
def test_blank_user(user):
    """An event of nobody is refused, whatever its key."""
    assert reason(user=user, key=b"") == "empty_user"


@pytest.mark.parametrize("id_", ["", "\t"])
def test_blank_id(id_):
    """An event without an id could not be recognised as a duplicate."""
    assert reason(id=id_) == "missing_id"


@pytest.mark.parametrize("name", ["id", "user", "item"])
def test_too_long_ids(name):
    """An id of 1 MB never becomes a Redis key or part of a profile."""
    assert reason(**{name: "x" * 513}, key=None) == "id_too_long"


@pytest.mark.parametrize("key", [b"", b"bob", b"ann ", b"\xff"])
def test_key_of_another_user(key):
    """An event in another user's partition could overtake its own user's events."""
    assert reason(key=key) == "key_mismatch"


def test_key_is_compared_as_utf8():
    """Users whose names are not ASCII match their keys."""
    assert check(user="安", key="安".encode()).user == "安"


@pytest.mark.parametrize(
    "time",
    [0, NOW // 1000, 946_684_800_000 - 1, NOW + DAY_MS + 1, 253_370_764_800_000, -(2**63), 2**63 - 1],
    ids=["1970", "seconds for ms", "before 2000", "over a day ahead", "year 9999", "least", "greatest"],
)
def test_time_out_of_range(time):
    """A time that would distort every decayed sum of the profile is refused."""
    assert reason(time=time) == "time_out_of_range"


@pytest.mark.parametrize("time", [946_684_800_000, NOW - 10 * 365 * DAY_MS, NOW + DAY_MS])
def test_late_and_slightly_early_events_pass(time):
    """Old events and clocks that are a little ahead are accepted."""
    assert check(time=time).time == time


def test_time_is_judged_by_the_message():
    """The same message is judged alike on a replay: an event is early against its own timestamp, not against today."""
    assert check(time=1_000_000_000_000, produced=1_000_000_000_000)
    assert reason(time=NOW, produced=1_000_000_000_000) == "time_out_of_range"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_not_a_number(value):
    """NaN and infinity never reach a sum."""
    assert reason(properties={"price": value}) == "not_a_number"


@pytest.mark.parametrize("type_", ["search", "message", "review"])
@pytest.mark.parametrize("text", [None, "", " \n"])
def test_missing_text(type_, text):
    """A message that says nothing is refused."""
    assert reason(type=type_, text=text) == "missing_text"


def test_clicks_need_no_text():
    """What is done without words is accepted without words."""
    assert check(type="click", text=None).text is None


def test_text_too_long():
    """A text of 1 MB is refused, one at the limit passes."""
    assert reason(text="x" * 1_000_000) == "text_too_long"
    assert check(text="x" * 100_000)


def test_limits_can_be_moved():
    """Each limit is the caller's to choose."""
    assert check(time=5, limits=Limits(earliest=0)).time == 5
    assert reason(time=NOW + 2, limits=Limits(future_tolerance=1)) == "time_out_of_range"
    assert reason(text="long", limits=Limits(max_text=3)) == "text_too_long"
    assert reason(id="long", limits=Limits(max_id=3)) == "id_too_long"


def test_details_do_not_repeat_the_text():
    """A dead letter's reason does not carry what the user wrote."""
    with pytest.raises(BadRecordError) as caught:
        check(text="secret " * 20_000)
    assert "secret" not in str(caught.value)
