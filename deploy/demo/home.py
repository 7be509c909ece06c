"""A home of its own for each demo: what it publishes and learns is not the user's, and the next one begins afresh."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from .. import wiring
from ..local.home import private_folder, unwritable
from ..settings import Settings

_SHARED = ("packages", "triton", "fitted", "runs")
_KEPT = 3  # homes of demos that were killed, or left running
_CANARY_SECONDS = 20.0  # that a new encoder is tried on some users, where there are few of them
REPORTS = "reports"


@contextmanager
def own_home(settings: Settings, *, keep: bool) -> Iterator[Settings]:
    """The settings with a home for one demo (see `demo_home`), tidied up behind it unless its servers go on.

    Where Kafka and Redis keep their data for the next time, so do the models and labels that go with it: in the user's.

    Raises:
        SetupError: It cannot be made.
    """
    if settings.kafka_home is not None:
        yield settings
        return
    own = demo_home(settings)
    try:
        yield own
    finally:
        if not keep:
            tidy(own)


def demo_home(settings: Settings) -> Settings:
    """The settings with a new home below the user's: packages, Triton and logs are shared, the encoder is linked.

    Raises:
        SetupError: It cannot be made.
    """
    home = wiring.home(settings)
    homes = private_folder(home / "demo")
    for old in sorted(homes.iterdir())[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    own = private_folder(homes / f"{datetime.now(UTC):%Y%m%d-%H%M%S.%f}-{os.getpid()}")
    try:
        for name in _SHARED:
            (own / name).symlink_to(private_folder(home / name), target_is_directory=True)
        model = wiring.repository(settings) / settings.model
        shutil.copytree(model, own / "models" / settings.model, copy_function=_linked)
    except OSError as error:
        raise unwritable(own, error) from error
    canary = min(settings.canary_seconds, _CANARY_SECONDS)
    return settings.model_copy(update={"home": own, "learner_home": None, "canary_seconds": canary})


def tidy(settings: Settings) -> None:
    """Remove a demo's home, but for the reports of its update."""
    for path in settings.home.iterdir():
        if path.is_symlink():
            path.unlink()
        elif path.name != REPORTS:
            shutil.rmtree(path, ignore_errors=True)
    if not any(settings.home.iterdir()):
        settings.home.rmdir()


def _linked(source: str, target: str) -> str:
    """A prepared model never changes, so a second name for the same file will do."""
    try:
        Path(target).hardlink_to(source)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
    return target
