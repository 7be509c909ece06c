"""`profilestream verify`: is every event in its profile, and every profile on profile-updates?"""

import asyncio
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
import typer
from rich.table import Table

from ...schemas.errors import ConfigurationError
from ...stream.engine.ports import Partition, Record
from ...stream.recovery.comparison import Difference, Updates, UpdatesReader, compare
from ...stream.recovery.fold import Fold
from ...stream.recovery.scan import Scanner, Span, scanner
from ...stream.recovery.verify import Checked, Verifier
from ...stream.store.redis import RedisStore
from .. import wiring
from ..settings import Settings
from ..terminal import plain
from ..topics import PROFILE_UPDATES, USER_EVENTS
from .console import errors, output
from .progress import progress_bar

SHOWN = 20  # differences on the screen; --json has all


@dataclass(frozen=True, slots=True)
class Report:
    """What was compared, and what differs.

    Attributes:
        users: Users that profile-updates tells of.
        updates: Differences from it.
        events: Good events that were folded; None where the fold was left out.
        checked: Differences from the fold.
    """

    users: int
    updates: list[Difference]
    events: int | None
    checked: Checked

    @property
    def differences(self) -> int:
        """How many in all."""
        return len(self.updates) + len(self.checked.differences)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "differences": self.differences}


def command(
    context: typer.Context,
    begin: Annotated[
        str | None, typer.Option("--from", help="First offset (of each partition), or a time such as 2026-01-31T12:00.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Offset or time behind the last event.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, with all differences.")] = False,
) -> None:
    """Compare Redis with profile-updates, and with the plain fold of user-events. Exit status 1 if they differ.

    Without --from and --to all events are folded, if Kafka still has them from the first one on.
    """
    report = asyncio.run(_verify(context.obj, begin, end))
    if as_json:
        output.print_json(orjson.dumps(report.as_dict()).decode())
    else:
        _show(report)
    if report.differences:
        raise typer.Exit(1)


async def _verify(settings: Settings, begin: str | None, end: str | None) -> Report:
    store, wire = wiring.store(settings), wiring.wire(settings)
    try:
        async with scanner(wiring.kafka(settings)) as kafka:
            updates = Updates(wire)
            reader = UpdatesReader(kafka, PROFILE_UPDATES, updates)
            with progress_bar(f"reading {PROFILE_UPDATES}", "messages") as progress:
                await reader.read(progress)
            differences = await compare(store, updates, reader.read)
            spans = await kafka.spans(USER_EVENTS)
            fold = Fold(wiring.layout(settings), settings.limits, wire)
            checked = Checked()
            folded = await _range(kafka, spans, begin, end)
            if folded:
                await _fold(kafka, folded, fold)
                verifier = await _verifier(settings, kafka, store, folded, updates.erased)
                checked = await verifier.check(fold)
            return Report(len(updates.told), differences, fold.events if folded else None, checked)
    finally:
        await wire.close()
        await store.close()


async def _range(
    kafka: Scanner, spans: dict[Partition, Span], begin: str | None, end: str | None
) -> dict[Partition, Span]:
    """What to fold; nothing where that would prove nothing."""
    if begin is None and any(span.first for span in spans.values()):
        if end is None:
            errors.print(
                f"{USER_EVENTS} does not begin at offset 0 any more, so its events are left out; "
                "--from 0 folds what is there, and asks whether profiles hold at least that",
                style="yellow",
            )
            return {}
        begin = "0"
    firsts = await _offsets(kafka, spans, begin or "0")
    ends = await _offsets(kafka, spans, end) if end else {partition: span.end for partition, span in spans.items()}
    return {
        partition: Span(max(span.first, firsts[partition]), max(span.first, min(span.end, ends[partition])))
        for partition, span in spans.items()
    }


async def _offsets(kafka: Scanner, spans: dict[Partition, Span], place: str) -> dict[Partition, int]:
    if place.isdecimal():
        return dict.fromkeys(spans, int(place))
    try:
        moment = datetime.fromisoformat(place)
    except ValueError as error:
        raise ConfigurationError(f"{place!r} is neither an offset nor a time such as 2026-01-31T12:00") from error
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return await kafka.offsets_at(spans, round(moment.timestamp() * 1000))


async def _fold(kafka: Scanner, spans: dict[Partition, Span], fold: Fold) -> None:
    total, done = sum(max(0, span.length) for span in spans.values()), 0
    with progress_bar(f"folding {USER_EVENTS}", "events") as progress:
        progress(0, total)
        for partition, span in spans.items():
            async for records in kafka.read(partition, span):
                await fold.take([Record(partition, r.offset, r.key, r.value, r.timestamp) for r in records])
                progress(done + records[-1].offset + 1 - span.first, total)
            done += span.length
        progress(total, total)


async def _verifier(
    settings: Settings, kafka: Scanner, store: RedisStore, spans: dict[Partition, Span], erased: set[str]
) -> Verifier:
    committed = {str(p): offset for p, offset in (await kafka.committed(settings.group, spans)).items()}
    marks = await store.watermarks()
    return Verifier(
        store,
        wiring.layout(settings),
        spans=spans,
        whole=all(span.first == 0 for span in spans.values()),
        settled={name: max(committed.get(name, 0), marks.get(name, 0)) for name in committed.keys() | marks.keys()},
        ignore=erased,
    )


def _show(report: Report) -> None:
    found = report.updates + report.checked.differences
    if found:
        table = Table("user", "what", "detail", title="differences", title_justify="left")
        for difference in found[:SHOWN]:
            table.add_row(plain(difference.user), difference.kind, plain(difference.detail))
        output.print(table)
    if len(found) > SHOWN:
        output.print(f"and {len(found) - SHOWN} more: --json lists all")
    _sum_up(f"{report.users} users against {PROFILE_UPDATES}", report.updates)
    if report.events is not None:
        checked = report.checked
        _sum_up(f"{report.events} events against their profiles", checked.differences)
        output.print(
            f"  {checked.exact} profiles compared exactly, {checked.at_least} may hold more than the range, "
            f"{checked.under_way} have events under way",
            style="dim",
            highlight=False,
        )


def _sum_up(what: str, differences: list[Difference]) -> None:
    kinds = ", ".join(f"{count} {kind}" for kind, count in Counter(d.kind for d in differences).items())
    mark = f"[red]✗[/] {what}: [red]{kinds}[/]" if differences else f"[green]✓[/] {what}: no difference"
    output.print(mark, highlight=False)
