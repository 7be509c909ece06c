"""Ports on loopback: free ones, taken ones, and who listens."""

import socket
from collections.abc import Iterable

import psutil

from ...schemas.errors import SetupError

LOOPBACK = "127.0.0.1"


class PortTakenError(SetupError):
    """Another program listens on a port that a server of ours was to have."""

    def __init__(self, server: str, port: int) -> None:
        super().__init__(
            f"Port {port} on {LOOPBACK}, meant for {server}, is in use by another program.\n"
            "Stop that program, or choose another port."
        )


def free_port() -> int:
    """A port on loopback that nobody listens on now.

    Between this answer and a server's start somebody else may take it: start servers with
    `process.start_on_free_ports`, which tries again.
    """
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_taken(port: int) -> bool:
    """Whether a server could not listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: old connections do not count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
        return False


def listening(pid: int, ports: Iterable[int]) -> bool:
    """Whether a process of ours, or one that it started, listens on all these ports; True where it cannot be seen."""
    heard = set()
    try:
        for process in (keeper := psutil.Process(pid), *keeper.children(recursive=True)):
            heard |= {one.laddr.port for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN}
    except psutil.NoSuchProcess:  # one of them has ended just now
        return False
    except psutil.AccessDenied:
        return True
    return heard.issuperset(ports)
