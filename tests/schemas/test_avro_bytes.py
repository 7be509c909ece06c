"""Single values in Avro's binary encoding, as fastavro has them."""

from io import BytesIO

import numpy as np
import pytest
from fastavro import schemaless_reader, schemaless_writer
from hypothesis import given
from hypothesis import strategies as st

from profilestream.schemas import avro_bytes

numbers = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)


def by_fastavro(kind: str, value: object) -> bytes:
    """What the library writes."""
    buffer = BytesIO()
    schemaless_writer(buffer, {"type": kind}, value)
    return buffer.getvalue()


@given(st.lists(numbers, min_size=1))
def test_numbers_are_written_and_read_as_fastavro_does(values: list[int]) -> None:
    """One at a time and many at once."""
    expected = [by_fastavro("long", value) for value in values]
    assert [avro_bytes.long(value) for value in values] == expected
    assert avro_bytes.longs(np.array(values, dtype=np.int64)) == expected
    assert [avro_bytes.read_long(written, 0) for written in expected] == [
        (value, len(written)) for value, written in zip(values, expected, strict=True)
    ]


@given(st.text(), st.binary(max_size=300))
def test_strings_and_bytes_are_written_as_fastavro_does(said: str, value: bytes) -> None:
    """And read back, with where they end."""
    assert avro_bytes.text(said) == avro_bytes.name(said) == by_fastavro("string", said)
    written = avro_bytes.data(value)
    assert written == by_fastavro("bytes", value)
    assert avro_bytes.read_data(written + b"rest", 0) == (value, len(written))


@given(st.binary(max_size=12))
def test_what_is_cut_short_is_an_error(value: bytes) -> None:
    """Never bytes that are not there."""
    try:
        expected = schemaless_reader(BytesIO(value), {"type": "bytes"}, None)
    except Exception:  # noqa: BLE001 (the library raises what its C code met)
        with pytest.raises(IndexError):
            avro_bytes.read_data(value, 0)
    else:
        assert avro_bytes.read_data(value, 0)[0] == expected
