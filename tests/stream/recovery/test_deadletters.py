"""Dead letters, on real brokers."""

import asyncio

import pytest

from profilestream.schemas.codec import encode
from profilestream.schemas.errors import ConfigurationError
from profilestream.schemas.events import DeadLetter
from profilestream.stream.engine.engine import DEAD_LETTER_HEADER
from profilestream.stream.engine.ports import Outgoing
from profilestream.stream.kafka.sink import KafkaSink
from profilestream.stream.recovery.deadletters import (
    LEFT_OUT,
    Letter,
    Wanted,
    alone,
    find,
    preview,
    replayed,
    send,
    to_send,
)
from profilestream.stream.recovery.scan import scanner
from profilestream.stream.redaction import Redactor
from tests.stream.worker.place import Place


def letter(place: Place, offset: int, reason: str = "not_avro", value: bytes | None = b"rubbish") -> Outgoing:
    """As the engine writes it."""
    why = DeadLetter(reason=reason, detail="d", topic=place.options.events, partition=1, offset=offset, time=1)
    headers = ((DEAD_LETTER_HEADER, encode(why)), ("reason", reason.encode()))
    return Outgoing(place.options.outputs.dead_letters, b"key%d" % offset, value, headers)


async def write(place: Place, *letters: Outgoing) -> None:
    """Put letters into the topic."""
    sink = await KafkaSink.connect(place.connection)
    await sink.publish(letters)
    await sink.close()


async def found(place: Place, wanted: Wanted | None = None) -> list[Letter]:
    """The letters that are wanted."""
    async with scanner(place.connection) as scan:
        return await find(scan, place.options.outputs.dead_letters, wanted or Wanted())


async def replay(place: Place, wanted: Wanted | None = None) -> int:
    """Send what was not sent yet; how many that was."""
    letters = await found(place, wanted)
    async with scanner(place.connection) as scan:
        chosen = to_send(letters, await replayed(scan, letters))
    sink = await KafkaSink.connect(place.connection)
    await send(sink, chosen)
    await sink.close()
    return len(chosen)


async def test_letters_are_found(place: Place) -> None:
    """All of them, with why and from where; what is no letter is passed over."""
    await write(place, letter(place, 7), letter(place, 8, "tombstone", None))
    await write(place, Outgoing(place.options.outputs.dead_letters, b"k", b"somebody else's", ()))
    places = {x.place: (x.why.reason, x.key, x.value) for x in await found(place)}
    assert places == {
        f"{place.options.events}-1@7": ("not_avro", b"key7", b"rubbish"),
        f"{place.options.events}-1@8": ("tombstone", b"key8", None),
    }


async def test_letters_are_chosen(place: Place) -> None:
    """By reason, topic, time and id."""
    await write(place, letter(place, 7), letter(place, 8, "tombstone"))
    first, _ = await found(place)
    (one,) = await found(place, Wanted(reason="tombstone"))
    assert one.why.offset == 8
    assert await found(place, Wanted(ids=frozenset([one.id]))) == [one]
    assert len(await found(place, Wanted(topic=place.options.events, since=first.time))) == 2
    assert await found(place, Wanted(topic="another")) == []
    assert await found(place, Wanted(since=first.time + 3_600_000)) == []


@pytest.mark.parametrize("name", ["3:999", "77:0", "three"])
async def test_a_letter_that_is_not_there_is_told(place: Place, name: str) -> None:
    """A mistyped id is an error."""
    with pytest.raises(ConfigurationError, match="no dead letter"):
        await found(place, Wanted(ids=frozenset([name])))


async def test_a_replay_sends_once(place: Place) -> None:
    """The same key and bytes to the same topic, and never again; a letter that was written twice is one."""
    await write(place, letter(place, 7), letter(place, 8, value=b"more"), letter(place, 7))
    assert await replay(place, Wanted(reason="not_avro")) == 2
    assert await replay(place) == 0
    await write(place, letter(place, 9, value=None))
    assert await replay(place) == 1
    sent = sorted((m.key, m.value, dict(m.headers)) for m in await place.messages(place.options.events))
    source = f"{place.options.events}-1@".encode()
    assert sent == [
        (b"key7", b"rubbish", {"replayed-from": source + b"7"}),
        (b"key8", b"more", {"replayed-from": source + b"8"}),
        (b"key9", None, {"replayed-from": source + b"9"}),
    ]


async def test_a_letter_without_its_bytes_is_not_sent(place: Place) -> None:
    """What was too large for dead-letters would arrive as something else."""
    whole = letter(place, 7, value=None)
    cut = Outgoing(whole.topic, whole.key, None, (*whole.headers, (LEFT_OUT, b"too large")))
    await write(place, cut)
    assert await replay(place) == 0


@pytest.mark.parametrize("kafka", ["embedded_kafka"], indirect=True)
async def test_two_people_do_not_replay_at_once(place: Place) -> None:
    """The second one is told to wait, and may begin when the first has ended."""
    store = place.store()
    async with alone(store.client):
        with pytest.raises(ConfigurationError, match="already"):
            async with alone(store.client):
                pass
    async with asyncio.timeout(5), alone(store.client):
        pass
    await store.close()


def test_a_preview_shows_no_personal_data() -> None:
    """Unless it is asked for: neither as text nor as hexadecimal."""
    value = b"\xc3\x01 write to ada@example.org please, or call"
    hexadecimal, text = preview(value, Redactor(), raw=False)
    assert "ada@example.org" not in text
    assert "<email>" in text
    assert hexadecimal == "c3 01 20 77 72 69 74 65 20 74 … 33 more"
    assert preview(b"ada@example.org", Redactor(), raw=False)[0] == "61 64 … 13 more"
    hexadecimal, text = preview(value, Redactor(), raw=True)
    assert "ada@example.org" in text
    assert bytes.fromhex(hexadecimal) == value
    assert preview(None, Redactor(), raw=False) == ("", "")
