"""`profilestream dead-letters`: what could not be applied, and sending it once more."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ...schemas.errors import ConfigurationError
from ...stream.kafka.sink import KafkaSink
from ...stream.recovery import deadletters
from ...stream.recovery.deadletters import Letter, Wanted
from ...stream.recovery.scan import scanner
from ...stream.redaction import Redactor
from .. import wiring
from ..settings import Settings
from ..terminal import plain
from ..topics import DEAD_LETTERS
from .console import output
from .progress import progress_bar

app = typer.Typer(help="What could not be applied, and sending it once more.", no_args_is_help=True)

Reason = Annotated[str | None, typer.Option(help="Only of this reason, such as not_avro.")]
Topic = Annotated[str | None, typer.Option(help="Only from this topic.")]
Since = Annotated[str | None, typer.Option(help="Only set aside since this time, such as 2026-01-31T12:00.")]


@app.command("list")
def list_(
    context: typer.Context,
    reason: Reason = None,
    topic: Topic = None,
    since: Since = None,
    most: Annotated[int, typer.Option("--most", "-n", min=1, help="The newest so many.")] = 50,
) -> None:
    """Dead letters, the newest last."""
    letters, already = asyncio.run(_found(context.obj, _wanted([], reason, topic, since)))
    shown = letters[-most:]
    table = Table("letter", "set aside", "reason", "from", "bytes", "replayed")
    for letter in shown:
        table.add_row(
            letter.id,
            _time(letter.time),
            plain(letter.why.reason),
            plain(letter.place),
            _size(letter),
            "yes" if letter.place in already else "",
        )
    output.print(table)
    reasons = ", ".join(f"{count} {reason}" for reason, count in Counter(x.why.reason for x in letters).most_common())
    output.print(f"{len(letters)} letters{': ' + reasons if reasons else ''}; {len(shown)} shown", highlight=False)


@app.command()
def show(
    context: typer.Context,
    letter: Annotated[str, typer.Argument(help="As `list` names it: partition:offset.")],
    raw: Annotated[bool, typer.Option("--raw", help="The whole message, personal data included.")] = False,
) -> None:
    """One dead letter: its headers, and its bytes as far as they hold no personal data."""
    letters, already = asyncio.run(_found(context.obj, Wanted(ids=frozenset([letter]))))
    output.print(_panel(letters[0], replayed=letters[0].place in already, raw=raw))


@app.command()
def replay(
    context: typer.Context,
    letters: Annotated[list[str] | None, typer.Argument(help="As `list` names them; without any, all found.")] = None,
    reason: Reason = None,
    topic: Topic = None,
    since: Since = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
) -> None:
    """Send dead letters to the topic they came from, with their key and bytes; each only once, however often asked."""
    asyncio.run(_replay(context.obj, _wanted(letters or [], reason, topic, since), yes=yes, dry_run=dry_run))


async def _found(settings: Settings, wanted: Wanted) -> tuple[list[Letter], set[str]]:
    async with scanner(wiring.kafka(settings)) as kafka:
        with progress_bar(f"reading {DEAD_LETTERS}", "messages") as progress:
            letters = await deadletters.find(kafka, DEAD_LETTERS, wanted, progress)
        with progress_bar("looking for replays", "messages") as progress:
            return letters, await deadletters.replayed(kafka, letters, progress)


async def _replay(settings: Settings, wanted: Wanted, *, yes: bool, dry_run: bool) -> None:
    letters, already = await _found(settings, wanted)
    chosen = deadletters.to_send(letters, already)
    _announce(letters, already, chosen)
    if not chosen or dry_run:
        return
    if not yes:
        typer.confirm(f"Send {len(chosen)} messages?", abort=True, err=True)
    store = wiring.store(settings)
    try:
        async with deadletters.alone(store.client):
            # Somebody else may have sent them while we asked.
            async with scanner(wiring.kafka(settings)) as kafka:
                already = await deadletters.replayed(kafka, chosen)
            await _send(settings, deadletters.to_send(chosen, already))
    finally:
        await store.close()


async def _send(settings: Settings, chosen: list[Letter]) -> None:
    sink = await KafkaSink.connect(wiring.kafka(settings), idempotent=settings.kafka_idempotent)
    try:
        with progress_bar("sending", "messages") as progress:
            await deadletters.send(sink, chosen, progress)
    finally:
        await sink.close()
    output.print(f"{len(chosen)} messages sent", highlight=False)


def _announce(letters: list[Letter], already: set[str], chosen: list[Letter]) -> None:
    again = sum(letter.place in already for letter in letters)
    cut = sum(not letter.complete for letter in letters)
    twice = len(letters) - again - cut - len(chosen)
    left_out = [(again, "replayed already"), (cut, "without their bytes"), (twice, "written twice")]
    why = "".join(f", {count} {what}" for count, what in left_out if count > 0)
    to = ", ".join(f"{count} to {topic}" for topic, count in Counter(letter.why.topic for letter in chosen).items())
    output.print(f"{len(letters)} letters{why}; to send: {to or 'none'}", highlight=False)


def _panel(letter: Letter, *, replayed: bool, raw: bool) -> Panel:
    bytes_, text = deadletters.preview(letter.value, Redactor(), raw=raw)
    facts = Table.grid(padding=(0, 2))
    for name, value in {
        "reason": f"{letter.why.reason}: {letter.why.detail}",
        "was at": letter.place,
        "its time": _time(letter.why.time),
        "set aside": _time(letter.time),
        "replayed": "yes" if replayed else "no",
        "key": "-" if letter.key is None else letter.key.decode(errors="replace"),
        "headers": ", ".join(name for name, _ in letter.headers),
        "bytes": _size(letter),
    }.items():
        facts.add_row(Text(name, style="bold"), plain(value))
    hint = Text("" if raw else "--raw shows the whole message, personal data included", style="dim")
    return Panel(Group(facts, "", Text(bytes_, style="cyan"), "", Text(text), "", hint), title=f"letter {letter.id}")


def _wanted(ids: list[str], reason: str | None, topic: str | None, since: str | None) -> Wanted:
    return Wanted(frozenset(ids), reason, topic, None if since is None else _moment(since))


def _moment(since: str) -> int:
    try:
        moment = datetime.fromisoformat(since)
    except ValueError as error:
        raise ConfigurationError(f"--since: {since!r} is no time; give one such as 2026-01-31T12:00") from error
    return round((moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp() * 1000)


def _time(moment: int) -> str:
    return datetime.fromtimestamp(moment / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _size(letter: Letter) -> str:
    if letter.value is None:
        return "-" if letter.complete else "left out"
    return str(len(letter.value))
