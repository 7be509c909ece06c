"""Killed at any point, a publication leaves the champion alone or goes on where it was."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from profilestream.continual.publish.publisher import Publisher
from tests.continual.publish.world import BASE, World, bundle, copy_export, live

V2 = "encoder-v2"


class KilledError(BaseException):
    """The process is gone: nothing may catch it."""


class Deadline:
    """Counts everything that a publisher does to the world, and kills it before one of these (after the one before)."""

    def __init__(self, at: int) -> None:
        self.left = at

    def wrap(self, inner: Any, *names: str) -> Any:
        """The same object, with these methods counted."""
        return _Counted(inner, self, names)

    def tick(self) -> None:
        """One more."""
        self.left -= 1
        if self.left == 0:
            raise KilledError


class _Counted:
    def __init__(self, inner: Any, deadline: Deadline, names: tuple[str, ...]) -> None:
        self._inner, self._deadline, self._names = inner, deadline, names

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in self._names:
            return method
        counted = self._later if name not in {"change", "put_bundle"} else self._now
        return counted(method)

    def _now(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self._deadline.tick()
            return method(*args)

        return call

    def _later(self, method: Callable[..., Any]) -> Callable[..., Any]:
        async def call(*args: Any) -> Any:
            self._deadline.tick()
            return await method(*args)

        return call


def mortal(world: World, at: int) -> Publisher:
    """A publisher that is killed at its n-th touch of the world."""
    deadline = Deadline(at)

    def export(source: Path, repository: Path, name: str, report: Callable[[str], None]) -> None:
        deadline.tick()
        copy_export(source, repository, name, report)

    return world.publisher(
        registry=deadline.wrap(world.registry, "change", "put_bundle"),
        server=deadline.wrap(world.server, "load", "unload"),
        store=deadline.wrap(world.store, "put"),
        announcer=deadline.wrap(world.announcer, "announce"),
        export=export,
    )


async def publish(publisher: Publisher, world: World) -> None:
    """What an update job does, from the beginning whatever was done before."""
    version = await publisher.write(world.source(2))
    if version.state != "champion":
        name = version.name
        if version.state in {"begun", "written"}:
            await publisher.equip(name, bundle(name))
        await publisher.load(name)
        await publisher.warm(name)
        await publisher.shadow(name, live(4))
        if version.state != "canary":
            await publisher.canary(name, 0.1)
        await publisher.promote(name)
    await publisher.resume()


async def check(world: World, *allowed: str) -> None:
    """Registry and pointer each name a champion that is complete; workers can load what they are pointed to."""
    book = world.registry.book()
    pointer = await world.pointer()
    for champion in {book.champion or BASE, pointer.champion if pointer else BASE}:
        assert champion in allowed
        assert (world.repository / champion / "1" / "model.onnx").exists()
        if book.champion:
            world.registry.bundle(champion)
    if pointer and pointer.canary:
        assert (world.repository / pointer.canary / "1" / "model.onnx").exists()
        assert await world.store.get(f"release/{pointer.canary}")


@pytest.fixture
async def world(tmp_path: Path) -> World:
    """A deployment with its first encoder; the sources of all worlds are the same."""
    return await World(tmp_path / "0").prepare()


async def test_killed_anywhere_it_recovers(world: World, tmp_path: Path) -> None:
    """At every other touch of disk, server, store and broker: killed there, then run again, the new model answers."""
    for at in itertools.count(1, 2):
        here = await World(tmp_path / str(at)).prepare()
        try:
            await publish(mortal(here, at), here)
        except KilledError:
            await check(here, BASE, V2)
        else:
            break
        await publish(here.publisher(), here)
        await check(here, V2)
        book = here.registry.book()
        pointer = await here.pointer()
        assert pointer == book.pointer
        assert {name: version.state for name, version in book.versions.items()} == {BASE: "previous", V2: "champion"}
        assert book.announced == book.generation
    assert at > 25


@pytest.mark.parametrize("step", ["rollback", "refuse", "canary"])
async def test_killed_between_registry_and_pointer(world: World, step: str) -> None:
    """A flip that was written down and not done is done by `resume`, in another process."""
    first = world.publisher()
    await first.promote(await world.staged(first))
    candidate = await world.staged(first, seed=3)
    if step == "refuse":
        await first.canary(candidate, 0.5)
    for at in itertools.count(1):
        dying = mortal(world, at)
        try:
            if step == "rollback":
                await dying.rollback()
            elif step == "refuse":
                await dying.refuse(candidate, "no good")
            else:
                await dying.canary(candidate, 0.5)
        except KilledError:
            await world.publisher().resume()
            assert await world.pointer() == world.registry.book().pointer
            done = world.registry.book().version(candidate if step != "rollback" else BASE).state
            if done == {"rollback": "champion", "refuse": "refused", "canary": "canary"}[step]:
                break
        else:
            raise AssertionError("never killed after it was written down")
    if step == "refuse":
        assert not (world.repository / candidate).exists()
