"""The demo: real servers, real messages of real people, profiles that grow while you look."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from rich.console import Console
from rich.text import Text

from .. import wiring
from ..local.api import api
from ..local.children import learner, worker
from ..local.packages import fetch_package
from ..local.stack import Encoder, LocalStack
from ..prepare import Prepared, publish_models
from ..settings import Settings
from ..terminal import say
from ..topics import ensure_topics
from .datasets import PACKAGE, read_chitchat, select
from .exam import Examiner, questions
from .home import own_home
from .newcomer import newcomer
from .page import picture
from .play import Demo, DemoOptions
from .screen import Screen, screen_for
from .summary import Summary
from .updating import Updating

__all__ = ["DemoOptions", "run_demo"]


async def run_demo(
    settings: Settings,
    options: DemoOptions,
    prepared: Prepared,
    console: Console,
    screen_on: Callable[[Console, int], AbstractContextManager[Screen]] = screen_for,
) -> Summary:
    """Start everything, replay, sum up, stop everything.

    Args:
        settings: Their addresses do not matter: the stack is a local one.
        options: What to replay.
        prepared: Encoder, codebook, sentiment head.
        console: Where to print.
        screen_on: Gives what shows the progress of so many events.

    Raises:
        SetupError: Something cannot start, or died on the way.
    """
    package = await asyncio.to_thread(fetch_package, PACKAGE, wiring.home(settings), partial(say, console))
    conversations = await asyncio.to_thread(read_chitchat, package)
    selection = select(conversations, events=options.events, backlog=options.labels)
    new = newcomer(selection, conversations)
    with own_home(settings, keep=options.keep) as own:
        encoder = Encoder(repository=wiring.repository(own), models=[settings.model]) if options.triton else None
        async with LocalStack(
            wiring.home(settings), encoder=encoder, kafka_home=settings.kafka_home, report=partial(say, console)
        ) as stack:
            here = wiring.at(own, stack.addresses)
            await ensure_topics(wiring.kafka(here), here.partitions)
            await publish_models(here, prepared)
            page, *_ = await asyncio.gather(
                stack.start(lambda: api(here)), stack.start(lambda: learner(here)), stack.start(lambda: worker(here))
            )
            console.print(Text.assemble("watch it: ", (page.address, "bold cyan")), soft_wrap=True)
            store = wiring.store(here)
            try:
                with screen_on(console, len(selection.events)) as screen:
                    demo = Demo(
                        here,
                        options,
                        selection,
                        new,
                        store,
                        screen,
                        Examiner(here, store, new.topic, questions(conversations, new.topic)),
                        lambda learning, graded: Updating(stack, here, store, learning, graded).run(),
                    )
                    summary = await _watched(stack, demo.play(prepared, _servers(stack, page.address)))
                say(console, await picture(page.address, stack.run / "page.png"))
            finally:
                await store.close()
            if options.keep:
                stack.detach()
                say(
                    console,
                    f"its models and labels are in {own.home}: set PROFILESTREAM_HOME to it for commands on them",
                )
    return summary


async def _watched(stack: LocalStack, play: Coroutine[Any, Any, Summary]) -> Summary:
    """Play, unless a server dies first."""
    playing, watching = asyncio.ensure_future(play), asyncio.ensure_future(stack.watch())
    try:
        await asyncio.wait({playing, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            watching.result()
        return await playing
    finally:
        playing.cancel()
        watching.cancel()
        await asyncio.gather(playing, watching, return_exceptions=True)


def _servers(stack: LocalStack, page: str) -> dict[str, str]:
    """Which server plays which part, or why there is a twin in its place."""
    triton = stack.addresses.triton
    return {
        "kafka": stack.addresses.kafka,
        "redis": stack.addresses.redis,
        "encoder": f"triton {triton}" if triton else f"in-process twin ({stack.missing.get('triton', 'as asked for')})",
        "page": page,
    }
