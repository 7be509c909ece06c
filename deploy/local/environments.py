"""Virtual environments below the data home, made on demand: what they pin never meets our own packages."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from shutil import rmtree

from ...schemas.errors import SetupError
from .home import private_folder, unwritable

_STAMP = "complete"


def install_once(
    place: Path,
    pins: Sequence[str],
    *,
    title: str,
    announce: Callable[[], None],
    finish: Callable[[], None],
    options: Sequence[str] = (),
    advice: str = "",
) -> None:
    """Install pins into an environment of their own; instant afterwards. Two programs at once do not disturb another.

    Args:
        place: Where; its parent, made where it is missing, holds the lock.
        pins: Requirements.
        title: What is installed, for errors.
        announce: Called once when an installation starts.
        finish: Does what is left to do when pip is done; what it raises leaves the environment unfinished.
        options: Of `pip install`.
        advice: What to do if pip fails.

    Raises:
        SetupError: pip could not fetch it, or there is no room for it.
    """
    folder = private_folder(place.parent)
    try:
        with (folder / "lock").open("w") as lock:  # it ends with the program that holds it
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (place / _STAMP).is_file():
                return
            announce()
            if place.exists():  # begun and not finished
                rmtree(place)
            _run([sys.executable, "-m", "venv", "--without-pip", str(place)], title, advice)
            pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
            install = ["--disable-pip-version-check", "install", "--quiet", *options, *pins]
            _run([*pip, *install], title, advice)
            finish()
            (place / _STAMP).write_text("\n".join(pins))
    except OSError as error:
        raise unwritable(folder, error) from error


def packages_of(place: Path) -> Path:
    """Where pip puts packages."""
    return place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def _run(command: Sequence[str], title: str, advice: str) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    done = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=clean | {"PIP_NO_INPUT": "1"},
    )
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["no reason given"]
        reason = f"{title} could not be installed: {errors[0].removeprefix('ERROR:').strip()[:300]}"
        raise SetupError("\n".join([reason, *([advice] if advice else [])]))
