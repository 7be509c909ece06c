"""A virtual environment for a peer below the data home, made on demand, so that our own packages stay as they are.

It holds what the peer pins, and before the rest of the world it sees our own packages: a peer's process imports
profilestream with the versions that the peer wants.
"""

import hashlib
import os
import shutil
import site
import sys
from pathlib import Path

from ...local.environments import install_once, packages_of
from ...local.report import Report, silent
from . import Peer

JAR_VARIABLE = "BENCH_FLINK_JAR"


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
    key = hashlib.sha256("\n".join((*peer.pins, sys.version, sys.prefix)).encode()).hexdigest()[:12]
    place = (home / "peers" / f"{peer.module}-{key}").absolute()
    install_once(
        place,
        peer.pins,
        title=peer.title,
        announce=lambda: report(f"installing {peer.title}"),
        finish=lambda: _let_see_ours(place),
    )
    return place / "bin" / "python"


def _let_see_ours(place: Path) -> None:
    # `addsitedir` and not a bare path: an editable install of ours is itself a .pth file. Ours come last.
    lines = [f"import site; site.addsitedir({folder!r})" for folder in site.getsitepackages()]
    (packages_of(place) / "zz-profilestream.pth").write_text("\n".join(lines) + "\n")
