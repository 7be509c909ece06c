"""A worker to be ill-treated: `python -m profilestream.deploy.faults.worker [--mutant NAME]`.

The worker of production with what every deployment shares, and three differences: it is thrown out of its group sooner,
it can be told to die in its next call, and it can be given a defect, so that the faults have something to find.
"""

import argparse
import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from ...inference.pool import EncoderPool
from ...stream.engine.engine import Engine
from ...stream.simulation.mutants import MUTANTS
from ...stream.simulation.workload import LAYOUT
from ...stream.simulation.world import Parts
from ...stream.worker.worker import run_worker
from .. import wiring
from ..cli.worker import serve
from ..logs import configure_logs
from ..settings import Settings
from .crew import REBALANCE_SECONDS, SESSION_SECONDS
from .mine import Mine, MinedSink, MinedStore


async def work(settings: Settings, parts: Parts, encoders: EncoderPool, stop: asyncio.Event) -> None:
    """A worker made of these parts, until it is stopped or cannot go on."""
    mine = Mine()
    store = MinedStore.connect(settings.redis_url)
    store.mine = mine
    await run_worker(
        replace(
            wiring.worker_options(settings),
            layout=LAYOUT,
            session_timeout=SESSION_SECONDS,
            rebalance_timeout=REBALANCE_SECONDS,
        ),
        connection=wiring.kafka(settings),
        store=store,
        encoders=encoders,
        stop=stop,
        engine=_mined(parts.engine, mine),
        applier=parts.applier,
    )


def _mined(engine: type[Engine], mine: Mine) -> Callable[..., Engine]:
    def make(*, sink: Any, **others: Any) -> Engine:
        return engine(sink=MinedSink(sink, mine), **others)

    return make


def main() -> None:
    """Run until a signal ends it, one way or the other."""
    options = argparse.ArgumentParser()
    options.add_argument("--mutant", choices=MUTANTS)
    mutant = options.parse_args().mutant
    settings = Settings.load()
    configure_logs(settings, quiet=False)
    serve(settings, partial(work, settings, MUTANTS[mutant] if mutant else Parts()))


if __name__ == "__main__":
    main()
