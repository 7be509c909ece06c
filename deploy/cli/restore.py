"""`profilestream restore`: an empty Redis is filled again from profile-updates."""

import asyncio
from typing import Annotated

import typer
from rich.table import Table

from ...schemas.errors import ConfigurationError
from ...stream.engine.position import resume_at
from ...stream.recovery.restore import Rebuild, Restored, refuse_unless_empty, restore
from ...stream.recovery.scan import Scanner, scanner
from ...stream.store.models import RedisModelStore, champion_of, codebook_name, head_name
from ...stream.store.redis import RedisStore
from ...stream.worker.status import EXPIRES, read_statuses
from .. import publishing, wiring
from ..settings import Settings
from ..topics import PROFILE_UPDATES, USER_EVENTS
from .console import errors, output
from .progress import progress_bar


def command(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and count, write nothing.")] = False,
    merge: Annotated[bool, typer.Option("--merge", help="Keep what is newer in a Redis that is not empty.")] = False,
) -> None:
    """Rebuild the profiles of an empty Redis from profile-updates, and set where the workers go on."""
    asyncio.run(_restore(context.obj, dry_run=dry_run, merge=merge))


async def _restore(settings: Settings, *, dry_run: bool, merge: bool) -> None:
    store = wiring.erasable_store(settings)
    wire = wiring.wire(settings)
    try:
        if not merge:
            await refuse_unless_empty(store)
        if not dry_run:
            await _refuse_workers(store)
        async with scanner(wiring.kafka(settings)) as kafka:
            with progress_bar(f"reading {PROFILE_UPDATES}", "messages") as progress:
                result = await restore(kafka, PROFILE_UPDATES, Rebuild(store, wire, dry_run=dry_run), progress)
            plan = await _plan(kafka, settings, result)
        if not dry_run:
            await store.save_watermarks({name: mark for name, mark, _, _ in plan})
        _report(result, plan, dry_run=dry_run)
        await _models(settings, RedisModelStore(store.client))
    finally:
        await wire.close()
        await store.close()


async def _refuse_workers(store: RedisStore) -> None:
    # A worker's next event would begin a new profile before the old one is back.
    if workers := await read_statuses(store.client):
        raise ConfigurationError(
            f"a worker runs ({', '.join(workers)}): stop all of them first.\n"
            f"One that was killed is forgotten {EXPIRES} seconds after its last word."
        )


Plan = list[tuple[str, int, int | None, int]]  # partition, watermark, committed, events to read again


async def _plan(kafka: Scanner, settings: Settings, result: Restored) -> Plan:
    spans = await kafka.spans(USER_EVENTS)
    committed = {str(p): offset for p, offset in (await kafka.committed(settings.group, spans)).items()}
    marks = result.watermarks(settings.batch_events * settings.batches_in_flight, committed)
    plan: Plan = []
    for partition, span in spans.items():
        name = str(partition)
        start = max(span.first, resume_at(committed.get(name), marks.get(name)))
        plan.append((name, marks.get(name, 0), committed.get(name), span.end - start))
        _warn_of_gap(name, result.reach.get(name, -1), span.first)
    return plan


def _warn_of_gap(name: str, reach: int, first: int) -> None:
    if reach + 1 < first:
        errors.print(
            f"[bold yellow]warning:[/] {name}: offsets {reach + 1} to {first - 1} are in no update and not in Kafka "
            "any more: their events are lost unless they are dead letters",
            highlight=False,
        )


def _report(result: Restored, plan: Plan, *, dry_run: bool) -> None:
    verb = "would be restored" if dry_run else "restored"
    output.print(
        f"[bold]{result.users} profiles {verb}[/] from {result.messages} updates; "
        f"{len(result.kept)} kept as they are, {result.erased} erased users, {result.unreadable} unreadable messages",
        highlight=False,
    )
    table = Table("partition", title="where the workers go on", title_justify="left")
    for column in ("committed", "watermark", "events to read (again)"):
        table.add_column(column, justify="right")
    for name, mark, committed, again in plan:
        table.add_row(name, "-" if committed is None else str(committed), str(mark), str(again))
    output.print(table)


async def _models(settings: Settings, models: RedisModelStore) -> None:
    """What goes with an encoder is not in profile-updates: say who puts it back."""
    promoted = publishing.registry(settings).book().champion
    if promoted not in {None, await champion_of(models, settings.model)}:
        _missing(f"the pointer to {promoted}", "Run `profilestream models resume` before the workers.")
    if await models.get(codebook_name(settings.model)) is None:
        _missing(f"the codebook of {settings.model}", "Run `profilestream prepare --publish` before the workers.")
    if await models.get(head_name("interest", settings.model)) is None:
        _missing("the interest head", "`profilestream learn` makes it again from the feedback topic.")


def _missing(what: str, advice: str) -> None:
    errors.print(f"[bold yellow]still missing:[/] {what}. {advice}", highlight=False)
