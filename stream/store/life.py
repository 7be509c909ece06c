"""Which life of a Redis server we speak to.

A server that is started again, or another one that takes over, may lack the last writes. Neither happens behind an open
connection, so it is enough to look at each new one: the server's run id tells.
"""

from typing import Any

from ...schemas.errors import LostWritesError


class ServerLife:
    """Watches the connections of one client.

    Attributes:
        expected: Run id of the server that we insist on; None: any.
    """

    def __init__(self) -> None:
        self.expected: str | None = None

    async def greet(self, connection: Any) -> None:
        """What a new connection does first (`redis_connect_func` of redis-py).

        Raises:
            LostWritesError: It is another server, or the same one in another life.
        """
        await connection.on_connect()
        await connection.send_command("INFO", "server")
        found = run_id(await connection.read_response())
        if self.expected not in (None, found):
            await connection.disconnect()
            raise LostWritesError(
                "Redis was started again or another server took over, and may lack what the last one acknowledged: "
                "read again from its watermarks"
            )


def run_id(info: bytes | str) -> str:
    """The run id in what `INFO server` says; empty where it says none."""
    text = info.decode() if isinstance(info, bytes) else info
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == "run_id":
            return value.strip()
    return ""
