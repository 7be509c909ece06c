"""What may become of a message: it is read, or refused with a reason. Anything else is a fault of the decoder."""

import asyncio
from typing import Any, get_args

from profilestream.schemas import codec
from profilestream.schemas.errors import BadRecordError, Reason
from profilestream.schemas.events import UserEvent
from profilestream.schemas.validation import Limits, validate
from profilestream.schemas.wire import Wire

READ = "read"
REASONS = frozenset(get_args(Reason))
NOW = 1_700_000_000_000


class Judge:
    """Gives a message to the decoder, as the engine does, and looks closely at what comes out.

    Args:
        wire: The decoder.
        kind: The records that are expected on the topic.
    """

    def __init__(self, wire: Wire, kind: type[Any]) -> None:
        self._wire = wire
        self._kind = kind
        self._loop = asyncio.new_event_loop()

    def __call__(self, message: bytes) -> str:
        """What became of it: `read`, or the reason.

        Raises:
            AssertionError: Read, but not as a record that can be written again; or refused without a known reason.
            Exception: Whatever the decoder should not have raised.
        """
        try:
            if message[:1] == b"\x00":
                self._loop.run_until_complete(self._wire.prepare([message]))
            record = self._wire.decode(self._kind, message)
            self._check(record)
            if isinstance(record, UserEvent):
                validate(record, None, NOW, Limits())
        except BadRecordError as error:
            if error.reason not in REASONS:
                raise AssertionError(f"refused for {error.reason!r}, which is no reason") from error
            return error.reason
        return READ

    def _check(self, record: Any) -> None:
        """A record that was read can be written, and what is then read is the same: bytes, because nan is not nan."""
        try:
            written = codec.encode(record)
        except BadRecordError as error:
            raise AssertionError("read, but cannot be written") from error
        if codec.encode(codec.codec_of(self._kind).decode(written)) != written:
            raise AssertionError("written and read again it is another record")
