"""A virtual environment for a peer below the data home, made on demand, so that our own packages stay as they are.

It holds what the peer pins, and before the rest of the world it sees our own packages: a peer's process imports
profilestream with the versions that the peer wants.
"""

import fcntl
import hashlib
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

from ....schemas.errors import SetupError
from ...local.home import private_folder, unwritable
from ...local.report import Report, silent
from . import Peer

JAR_VARIABLE = "BENCH_FLINK_JAR"
_STAMP = "complete"


def missing(peer: Peer) -> str | None:
    """Why a peer cannot run here; None where it can."""
    if not peer.java:
        return None
    if not shutil.which("java"):
        return "it needs Java 17"
    if not connector():
        return f"it needs flink-sql-connector-kafka-5.0.0-2.2.jar: set {JAR_VARIABLE} to where that is"
    return None


def connector() -> Path | None:
    """Flink's connector to Kafka: where the environment says, or beside the checkout."""
    said = os.environ.get(JAR_VARIABLE)
    beside = sorted((Path(__file__).resolve().parents[4] / "shared" / "peers").glob("flink-sql-connector-kafka-*.jar"))
    found = [Path(said)] if said else beside
    return next((path for path in found if path.is_file()), None)


def python_of(peer: Peer, home: Path, report: Report = silent) -> Path:
    """The Python that a peer runs on; installed the first time, instant afterwards.

    Args:
        peer: Which.
        home: The data home; environments go into `home/peers`.
        report: Told once when an installation starts.

    Raises:
        SetupError: pip could not fetch it, or there is no room.
    """
    if not peer.pins:
        return Path(sys.executable)
    folder = private_folder(home / "peers")
    key = hashlib.sha256("\n".join((*peer.pins, sys.version, sys.prefix)).encode()).hexdigest()[:12]
    place = folder / f"{peer.module}-{key}"
    try:
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (place / _STAMP).is_file():
                report(f"installing {peer.title}")
                _install(peer, place)
    except OSError as error:
        raise unwritable(folder, error) from error
    return place / "bin" / "python"


def _install(peer: Peer, place: Path) -> None:
    if place.exists():  # begun and not finished
        shutil.rmtree(place)
    _run([sys.executable, "-m", "venv", "--without-pip", str(place)], peer)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python"), "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", *peer.pins], peer)
    # `addsitedir` and not a bare path: an editable install of ours is itself a .pth file. Ours come last.
    lines = [f"import site; site.addsitedir({folder!r})" for folder in site.getsitepackages()]
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (place / "lib" / version / "site-packages" / "zz-profilestream.pth").write_text("\n".join(lines) + "\n")
    (place / _STAMP).write_text("\n".join(peer.pins))


def _run(command: list[str], peer: Peer) -> None:
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
        raise SetupError(f"{peer.title} could not be installed: {errors[0].removeprefix('ERROR:').strip()[:300]}")
