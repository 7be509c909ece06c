"""Good messages of every kind, in both formats: what the mutations begin with."""

import json
from collections.abc import Iterator
from typing import Any

from profilestream.schemas import codec
from profilestream.schemas.catalogue import FOLDER
from profilestream.schemas.events import Evidence, Feedback, Interest, ModelEvent, ProfileUpdate, UserEvent
from profilestream.schemas.registry import SchemaRegistry

TIME = 1_700_000_000_000
RECORDS = (
    UserEvent(id="e1", user="ann", type="click", time=TIME),
    UserEvent(id="e2", user="bob", type="message", time=TIME, text="Ω≈ç√ 日本語 👋", item="page/7"),
    UserEvent(id="e3", user="cy", type="review", time=TIME, text="good " * 200, properties={"stars": 5, "by": "cy"}),
    UserEvent(id="e4", user="di", type="buy", time=TIME, properties={"price": 1e300, "gift": True, "n": -(2**63)}),
    Feedback(id="f1", user="ann", task="interest", label="dogs", time=TIME, text="woof"),
    ProfileUpdate(
        user="ann",
        revision=7,
        model_version="encoder-v1",
        topic="user-events",
        partition=3,
        offset=2**40,
        time=TIME,
        events=9,
        interests=(Interest(label="shoes", share=0.75), Interest(label="hats", share=0.25)),
        sentiment=0.5,
        sentiment_spread=0.25,
        evidence=(Evidence(label="shoes", event="e1", excerpt="red shoes", confidence=0.5, time=TIME),),
        state=bytes(range(256)) * 8,
    ),
    ModelEvent(kind="head", name="interest", version=2, location="x", sha256="00", time=TIME, properties={"a": "b"}),
)

NAMES = {"user-event": UserEvent, "feedback": Feedback, "profile-update": ProfileUpdate, "model-event": ModelEvent}
IDS = {kind: number for number, kind in enumerate(NAMES.values(), start=1)}
WITH_MORE, WITH_TREE = 5, 6
MORE = b"\x06\x00\x02\x0e\x04\x04hi\x00"  # the foreign field: null, 7, "hi"


class Registry(SchemaRegistry):
    """Schemas by id, without a server."""

    def __init__(self) -> None:
        self.url = "memory:"
        self._texts = list(_texts())

    async def schema(self, number: int) -> str | None:
        """See SchemaRegistry."""
        return self._texts[number - 1] if 1 <= number <= len(self._texts) else None


def originals() -> list[bytes]:
    """Every record in every format that its kind is read from."""
    single = [codec.encode(record) for record in RECORDS]
    confluent = [_confluent(IDS[type(record)], message) for record, message in zip(RECORDS, single, strict=True)]
    foreign = [_confluent(WITH_MORE, message) + MORE for message in single[:4]]
    return [*single, *confluent, *foreign, _confluent(WITH_TREE, single[0]) + b"\x00"]


def _confluent(number: int, message: bytes) -> bytes:
    return b"\x00" + number.to_bytes(4, "big") + message[codec.HEADER_BYTES :]


def _texts() -> Iterator[str]:
    yield from ((FOLDER / f"{name}.v1.avsc").read_text() for name in NAMES)
    yield _user_event_with({"name": "more", "type": {"type": "array", "items": ["null", "long", "string"]}})
    yield _user_event_with({"name": "tree", "type": ["null", "profilestream.UserEvent"]})  # refused: contains itself


def _user_event_with(field: dict[str, Any]) -> str:
    """Of a producer that has a field of its own."""
    schema = json.loads((FOLDER / "user-event.v1.avsc").read_text())
    schema["fields"].append(field)
    return json.dumps(schema)
