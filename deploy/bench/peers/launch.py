"""How a peer's process is started."""

import os
import site
from pathlib import Path

from ... import wiring
from ...settings import Settings
from . import Peer
from .environment import JAR_VARIABLE, connector
from .work import EVENTS, GROUP, UPDATES

_PACKAGE = "profilestream.deploy.bench.peers"

# $1: Python, $2: a folder for its recovery, $3: module. As Bytewax's documentation has it: make the stores, then run
# with a snapshot every 5 s, that is forgotten at once when it is no longer needed.
_BYTEWAX = """
"$1" -m bytewax.recovery "$2" 1 && exec "$1" -m bytewax.run "$3:flow" -w 1 -r "$2" -s 5 -b 0
"""


def command_of(peer: Peer, python: Path, tag: str, folder: Path) -> tuple[str, ...]:
    """The command line of a peer.

    Args:
        peer: Which.
        python: What it runs on.
        tag: A name for this run of it.
        folder: Where it may keep something.
    """
    module = f"{_PACKAGE}.{peer.module}"
    if peer.module == "bytewax_flow":
        kept = folder / f"{tag}-recovery"
        kept.mkdir(mode=0o700)
        return ("/bin/sh", "-c", _BYTEWAX, "bytewax", str(python), str(kept), module)
    if peer.module == "faust_agent":
        return (
            str(python),
            "-m",
            module,
            "--datadir",
            str(folder / tag),
            "worker",
            "--without-web",
            "--loglevel",
            "warn",
        )
    return (str(python), "-m", module)


def variables(peer: Peer, settings: Settings, events: str, updates: str, group: str) -> dict[str, str]:
    """The environment of a peer: our settings, and where it reads and writes."""
    found = {EVENTS: events, UPDATES: updates, GROUP: group}
    if peer.java and (jar := connector()):
        found[JAR_VARIABLE] = str(jar)
    if peer.ours_first:
        found["PYTHONPATH"] = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), *site.getsitepackages()])
    return wiring.environment(settings) | found
