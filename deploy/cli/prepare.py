"""`profilestream prepare`: export the encoder, fit what goes with it, put it where workers read it."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from .. import prepare, publishing, wiring
from ..settings import Settings
from ..topics import ensure_topics
from .console import say


def command(
    context: typer.Context,
    texts: Annotated[
        Path | None,
        typer.Option(help="A text a line, of the kind that your users write; the codebook is fitted on them."),
    ] = None,
    publish: Annotated[bool, typer.Option(help="Also make the topics, and put codebook and heads into Redis.")] = False,
) -> None:
    """Export the encoder for Triton and fit its codebook and sentiment head. Done once; later runs find it there."""
    settings: Settings = context.obj
    prepared = prepare.prepare(settings, say, texts)
    if publish:
        asyncio.run(_publish(settings, prepared))
    manifest = prepared.encoder.manifest
    say(
        f"{manifest.model}: {manifest.dimensions} dimensions, {manifest.precision}, "
        f"cosine to the original {manifest.cosine:.4f}; {len(prepared.codebook.codes)} codes; "
        f"sentiment r = {prepared.sentiment_correlation:.2f}"
    )


async def _publish(settings: Settings, prepared: prepare.Prepared) -> None:
    await ensure_topics(wiring.kafka(settings), settings.partitions, settings.replication)
    await prepare.publish_models(settings, prepared)
    await publishing.resume(settings)
