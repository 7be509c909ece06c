"""Event files: what becomes an event, and what is said about lines that do not."""

import io
import json
from pathlib import Path

import pytest

from profilestream.deploy.event_files import MAX_LINE, BadLine, Checks, format_of, read_events
from profilestream.schemas.codec import decode_event, encode
from profilestream.schemas.errors import ConfigurationError
from profilestream.schemas.events import UserEvent
from profilestream.schemas.validation import Limits

ANYTHING = Checks(Limits(earliest=-(2**63), max_text=2**31, max_id=2**31), now=2**63)  # any time, any length
NOON = 1_705_320_000_000  # 2024-01-15T12:00:00Z
EVENT = {"id": "e1", "user": "ann", "type": "message", "time": NOON, "text": "hello", "item": "c1"}


def read(text, form="jsonl"):
    """Everything that a file with this content gives."""
    raw = text if isinstance(text, bytes) else text.encode()
    return list(read_events(io.BytesIO(raw), form, ANYTHING))


def read_one(**changes):
    """What one JSON line gives, made of the event above with some fields changed; ... leaves one out."""
    fields = {name: value for name, value in (EVENT | changes).items() if value is not ...}
    (found,) = read(json.dumps(fields))
    return found


def test_json_lines():
    """A line becomes the event that it describes; empty lines are skipped."""
    text = json.dumps(EVENT | {"properties": {"stars": 5, "price": 2.5, "new": True, "by": "x", "none": None}})
    assert read(f"\ufeff{text}\r\n\n{json.dumps(EVENT)}") == [
        UserEvent(**EVENT, properties={"stars": 5, "price": 2.5, "new": True, "by": "x"}),
        UserEvent(**EVENT),
    ]


def test_csv():
    """Columns are found by their names in any order; others become properties; texts may span lines."""
    text = (
        "\ufefftype,user,time,text,id,zip,stars,price,new,\r\n"
        'review,ann,2024-01-15T12:00:00Z,"two\nlines, ""quoted""",e1,007,5,2.5,true,ignored\r\n'
        "\r\n"
        "click,bob,1705320000000,,e2,,,,,\r\n"
    )
    assert read(text, "csv") == [
        UserEvent(
            id="e1",
            user="ann",
            type="review",
            time=NOON,
            text='two\nlines, "quoted"',
            properties={"zip": "007", "stars": 5, "price": 2.5, "new": True},
        ),
        UserEvent(id="e2", user="bob", type="click", time=NOON),
    ]


@pytest.mark.parametrize(
    "time",
    [
        NOON,
        str(NOON),
        "2024-01-15T12:00:00Z",
        "2024-01-15T13:00:00+01:00",
        "2024-01-15 12:00",
        "2024-01-15T12:00:00.000",
    ],
)
def test_times(time):
    """The usual ways to write a time mean the same; without a zone it is UTC."""
    assert read_one(time=time).time == NOON


def test_milliseconds_are_exact():
    """No millisecond is lost on the way through a fraction."""
    assert read_one(time="2024-01-15T12:00:00.999Z").time == NOON + 999
    assert read_one(time="1969-12-31T23:59:59.999Z").time == -1


def test_whole_numbers_are_ids():
    """Ids that a database wrote as numbers need no quotes."""
    event = read_one(id=7, user=42, item=0)
    assert (event.id, event.user, event.item) == ("7", "42", "0")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"time": "yesterday"}, "time: 'yesterday' is not a time; give ISO 8601 or ms since 1970"),
        ({"time": 1_705_320_000}, "time: 1705320000 looks like seconds; give ms since 1970, or ISO 8601"),
        ({"time": 1.5}, "time: 1.5 is not a time; give ISO 8601 or ms since 1970"),
        ({"time": True}, "time: True is not a time; give ISO 8601 or ms since 1970"),
        ({"time": 2**63}, "time: 9223372036854775808 is out of range; give ms since 1970"),
        ({"time": ...}, "time: missing; give ISO 8601 or ms since 1970"),
        ({"user": ...}, "user: missing"),
        ({"user": " "}, "user: missing"),
        ({"user": ["ann"]}, "user: ['ann'] is not a text"),
        ({"type": None}, "type: missing"),
        ({"id": True}, "id: True is not a text"),
        ({"text": 5}, "text: 5 is not a text"),
        ({"item": {}}, "item: {} is not a text"),
        ({"properties": []}, "properties: [] is not an object"),
        ({"properties": {"a": [1]}}, "properties.a: [1]; give a text, a number, true or false"),
        ({"properties": {"a": 2**63}}, "properties.a: 9223372036854775808 is too large; give it as a text"),
        ({"txet": "hello"}, "unknown field 'txet'; did you mean text?"),
        ({"colour": "red"}, "unknown field 'colour'; use properties"),
    ],
)
def test_wrong_json_fields(changes, problem):
    """Each wrong field is named, with what to give instead."""
    assert read_one(**changes) == BadLine(1, problem)


@pytest.mark.parametrize("line", ["{", "hello", '{"user": NaN}', '"\\ud800"', b"\xff\xfe", "[1]", "5", "null"])
def test_lines_that_are_not_objects(line):
    """What is not a JSON object is told, and the next line is read."""
    raw = line if isinstance(line, bytes) else line.encode()
    bad, good = read(raw + b"\n" + json.dumps(EVENT).encode())
    assert isinstance(bad, BadLine)
    assert bad.problem.startswith("not ")
    assert good == UserEvent(**EVENT)


def test_bad_lines_are_counted_as_an_editor_does():
    """The number in a message is the line that an editor shows, also after texts that span lines."""
    text = 'user,type,time,text\nann,click,1705320000000,"a\nb"\n\nann,click,soon,\nann,click,1705320000000\n'
    found = read(text, "csv")
    assert [str(entry) for entry in found[1:]] == [
        "line 5: time: 'soon' is not a time; give ISO 8601 or ms since 1970",
        "line 6: 3 columns where the first line has 4",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no column 'user'; the first line names the columns, with commas between"),
        ("user;type;time\n", "no column 'user'; the first line names the columns, with commas between"),
        ("user,type,time,a,a\n", "two columns are named 'a'"),
        (b"user,type,time,\xff\n", "not UTF-8; save the file as UTF-8"),
    ],
)
def test_wrong_header(text, problem):
    """A file whose columns are not known is not read any further."""
    assert read(text, "csv") == [BadLine(1, problem)]


def test_damaged_csv_goes_on():
    """A row with a stray quote or another encoding is told, and the next row is read."""
    text = b'user,type,time\n"a"b,click,1705320000000\n\xff,click,1705320000000\nann,click,1705320000000\n"open'
    found = read(text, "csv")
    assert [entry.line if isinstance(entry, BadLine) else entry.user for entry in found] == [2, 3, "ann", 5]


def test_endless_line_is_skipped():
    """A line larger than any message is told without being held in memory whole, and the next line is read."""
    bad, good = read(b"x" * (3 * MAX_LINE) + b"\n" + json.dumps(EVENT).encode())
    assert bad == BadLine(1, f"longer than {MAX_LINE} bytes")
    assert good == UserEvent(**EVENT)


@pytest.mark.parametrize("id_", [..., None, "", " "])
def test_missing_id_comes_from_the_content(id_):
    """A file without ids can be sent twice: the same line has the same id, another line or content has another."""
    first = read_one(id=id_)
    assert first.id == read_one(id=id_).id
    assert len(first.id) == 32
    assert first.id != read_one(id=id_, text="other").id
    same_twice = json.dumps(EVENT | {"id": None})
    one, two = read(f"{same_twice}\n{same_twice}")
    assert one.id != two.id


def test_whatever_is_read_can_be_sent():
    """An event that a file gives has a form on the wire."""
    event = read_one(time="0001-01-01", properties={"n": 2**63 - 1, "x": 1e300, "s": "安"})
    assert decode_event(encode(event)) == event


@pytest.mark.parametrize(
    ("name", "form"), [("a.jsonl", "jsonl"), ("a.NDJSON", "jsonl"), ("a.json", "jsonl"), ("dir.csv/a.csv", "csv")]
)
def test_format_by_name(name, form):
    """The format of a file is known by its name."""
    assert format_of(Path(name)) == form


def test_format_by_option():
    """A format that is given beats the name; one that does not exist, or none at all, is told."""
    assert format_of(Path("a.csv"), "jsonl") == "jsonl"
    with pytest.raises(ConfigurationError, match=r"format 'xml' is not known; give jsonl or csv"):
        format_of(Path("a.csv"), "xml")
    with pytest.raises(ConfigurationError, match=r"cannot tell the format of a\.txt"):
        format_of(Path("a.txt"))


def test_what_the_worker_would_refuse_is_told_with_its_line():
    """A blank user, a text that is missing or a time in the future is found where somebody can mend it."""
    lines = [EVENT, EVENT | {"user": " "}, EVENT | {"text": None}, EVENT | {"time": NOON + 3 * 86_400_000}]
    raw = "\n".join(json.dumps(line) for line in lines).encode()
    good, *bad = read_events(io.BytesIO(raw), "jsonl", Checks(Limits(), now=NOON))
    assert isinstance(good, UserEvent)
    assert [line.line for line in bad] == [2, 3, 4]
    assert "2024-01-18" in bad[2].problem
