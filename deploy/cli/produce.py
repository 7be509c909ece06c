"""`profilestream produce`: events from a file to Kafka."""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from ...schemas.errors import BrokerUnavailableError, ConfigurationError
from ...schemas.events import UserEvent
from ...schemas.wire import Wire
from ...stream.engine.ports import Outgoing
from ...stream.kafka.sink import KafkaSink
from .. import wiring
from ..event_files import BadLine, Checks, Format, format_of, read_events
from ..settings import Settings
from ..terminal import plain
from ..topics import USER_EVENTS, ensure_topics
from .console import errors, say
from .running import STOPPED

CHUNK = 1000
SHOWN = 20  # wrong lines that are printed
ANSWER_SECONDS = 20.0  # that Kafka is given for a chunk


def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON lines or CSV; - for standard input.")],
    form: Annotated[str | None, typer.Option("--format", help="jsonl or csv; without it, by the file's name.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only check the file.")] = False,
) -> None:
    """Send events from a file to user-events. A wrong line is named and left out; the exit status is then 1."""
    settings: Settings = context.obj
    known = format_of(file, form or ("jsonl" if str(file) == "-" else None))
    with _opened(file) as opened:
        sending = Sending(settings, opened, known, dry_run=dry_run)
        try:
            asyncio.run(sending.run())
        except KeyboardInterrupt:
            say(f"stopped after {sending.sent} events and {sending.bad} wrong lines")
            raise typer.Exit(STOPPED) from None
    say(f"{sending.sent} events {'are good' if dry_run else 'sent'}, {sending.bad} lines left out")
    if sending.bad:
        raise typer.Exit(1)


def _opened(file: Path) -> BinaryIO:
    try:
        return sys.stdin.buffer if str(file) == "-" else file.open("rb")
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from error


class Sending:
    """One file on its way.

    Args:
        settings: Where Kafka is, and what a plausible event is.
        file: Open for reading bytes.
        form: Its format.
        dry_run: Whether it is only checked.

    Attributes:
        sent: Events that Kafka has acknowledged; of a dry run, those that are good.
        bad: Lines that were left out.
    """

    def __init__(self, settings: Settings, file: BinaryIO, form: Format, *, dry_run: bool) -> None:
        self._settings = settings
        self._file = file
        self._dry_run = dry_run
        now = time.time_ns() // 1_000_000
        self._items = read_events(file, form, Checks(settings.limits, now))
        self.sent = 0
        self.bad = 0

    async def run(self) -> None:
        """Send it.

        Raises:
            BrokerUnavailableError: Kafka does not answer, or not any more; how much was sent.
        """
        async with AsyncExitStack() as stack:
            send = self._skip if self._dry_run else await self._connect(stack)
            progress = stack.enter_context(_progress(self._file))
            for chunk in _chunks(self._items):
                self._name_bad_lines(chunk, progress)
                await send([item for item in chunk if isinstance(item, UserEvent)])
                progress.update(
                    progress.task_ids[0], completed=_position(self._file), description=f"{self.sent} events"
                )

    def _name_bad_lines(self, chunk: Iterable[UserEvent | BadLine], progress: Progress) -> None:
        for line in (item for item in chunk if isinstance(item, BadLine)):
            self.bad += 1
            if self.bad <= SHOWN:
                progress.console.print(plain(str(line), "red"), soft_wrap=True)
            elif self.bad == SHOWN + 1:
                progress.console.print(plain("more wrong lines are counted, not shown", "red"))

    async def _connect(self, stack: AsyncExitStack) -> Callable[[list[UserEvent]], Awaitable[None]]:
        settings, kafka = self._settings, wiring.kafka(self._settings)
        wire = wiring.wire(settings)
        stack.push_async_callback(wire.close)
        await wire.register(UserEvent, USER_EVENTS)
        await ensure_topics(kafka, settings.partitions, settings.replication)
        sink = await KafkaSink.connect(kafka, idempotent=settings.kafka_idempotent, within=ANSWER_SECONDS)
        stack.push_async_callback(sink.close)
        return partial(self._send, sink, wire)

    async def _send(self, sink: KafkaSink, wire: Wire, events: list[UserEvent]) -> None:
        try:
            await sink.publish([Outgoing(USER_EVENTS, e.user.encode(), wire.encode(e)) for e in events])
        except BrokerUnavailableError as error:
            raise BrokerUnavailableError(
                f"{error}\nThe first {self.sent} events of the file are in Kafka, and perhaps some of the next "
                f"{len(events)}: send the file again from there on."
            ) from error
        self.sent += len(events)

    async def _skip(self, events: list[UserEvent]) -> None:
        self.sent += len(events)


def _chunks(items: Iterator[UserEvent | BadLine]) -> Iterator[list[UserEvent | BadLine]]:
    chunk: list[UserEvent | BadLine] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _progress(file: BinaryIO) -> Progress:
    size = Path(file.name).stat().st_size if file.seekable() else None
    progress = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeElapsedColumn(), console=errors
    )
    progress.add_task("0 events", total=size)
    return progress


def _position(file: BinaryIO) -> int | None:
    return file.tell() if file.seekable() else None
