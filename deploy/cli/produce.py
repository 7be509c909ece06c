"""`profilestream produce`: events from a file to Kafka."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

from ...schemas.errors import BadRecordError, BrokerUnavailableError, ConfigurationError
from ...schemas.events import UserEvent
from ...schemas.validation import validate
from ...schemas.wire import Wire
from ...stream.kafka.sink import start_producer
from .. import wiring
from ..event_files import BadLine, format_of, read_events
from ..settings import Settings
from ..topics import USER_EVENTS, ensure_topics
from .console import errors

CHUNK = 1000
SHOWN = 20  # wrong lines that are printed


def command(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON lines or CSV; - for standard input.")],
    form: Annotated[str | None, typer.Option("--format", help="jsonl or csv; without it, by the file's name.")] = None,
    dry_run: Annotated[bool, typer.Option(help="Only check the file.")] = False,
) -> None:
    """Send events from a file to user-events. A wrong line is named and left out; the exit status is then 1."""
    form = format_of(file, form or ("jsonl" if str(file) == "-" else None))
    try:
        with sys.stdin.buffer if str(file) == "-" else file.open("rb") as opened:
            sent, bad = asyncio.run(_produce(context.obj, opened, form, dry_run=dry_run))
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}") from error
    errors.print(f"{sent} events {'are good' if dry_run else 'sent'}, {bad} lines left out")
    if bad:
        raise typer.Exit(1)


async def _produce(settings: Settings, file: BinaryIO, form: str, *, dry_run: bool) -> tuple[int, int]:
    producer = None
    wire = wiring.wire(settings)
    if not dry_run:
        await wire.register(UserEvent, USER_EVENTS)
        await ensure_topics(wiring.kafka(settings), settings.partitions, settings.replication)
        producer = await start_producer(wiring.kafka(settings), idempotent=settings.kafka_idempotent)
    sent = bad = 0
    try:
        with _progress(file) as progress:
            for chunk in _chunks(_checked(settings, file, form)):
                good = [item for item in chunk if isinstance(item, UserEvent)]
                for line in (item for item in chunk if isinstance(item, BadLine)):
                    bad += 1
                    if bad <= SHOWN:
                        progress.console.print(str(line), style="red", highlight=False)
                if producer:
                    await _send(producer, wire, good)
                sent += len(good)
                progress.update(progress.task_ids[0], completed=_position(file), description=f"{sent} events")
    finally:
        if producer:
            await producer.stop()
        await wire.close()
    return sent, bad


def _checked(settings: Settings, file: BinaryIO, form: str) -> Iterator[UserEvent | BadLine]:
    """What the worker would refuse is found here, where somebody can mend it."""
    for number, item in enumerate(read_events(file, format_of(Path(), form)), start=1):
        if isinstance(item, UserEvent):
            try:
                # Its time is checked by the worker, against Kafka's own time of the message.
                validate(item, None, item.time, settings.limits)
            except BadRecordError as error:
                yield BadLine(number, str(error))
                continue
        yield item


async def _send(producer: AIOKafkaProducer, wire: Wire, events: list[UserEvent]) -> None:
    try:
        await asyncio.gather(*[await producer.send(USER_EVENTS, wire.encode(e), key=e.user.encode()) for e in events])
    except KafkaError as error:
        raise BrokerUnavailableError(
            f"Kafka did not take the events: {error}. Run it again: an event that is sent twice counts once."
        ) from error


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
