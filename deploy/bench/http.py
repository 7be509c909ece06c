"""The least HTTP client that keeps its connections: a benchmark must not measure its own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from ...schemas.errors import SetupError

CONNECTIONS = 32

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class HttpClient:
    """GET over kept connections.

    Args:
        host: Where, and in the Host header.
        free: Connections.
    """

    def __init__(self, host: str, free: "asyncio.Queue[Connection]") -> None:
        self._host = host
        self._free = free

    async def get(self, path: str) -> None:
        """Ask, and read the whole answer.

        Raises:
            SetupError: It is not 200.
        """
        reader, writer = connection = await self._free.get()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
        self._free.put_nowait(connection)
        if not head.startswith(b"HTTP/1.1 200"):
            raise SetupError(f"{path} answered {head.splitlines()[0].decode()}")


@asynccontextmanager
async def http_client(address: str) -> AsyncIterator[HttpClient]:
    """A client of a server at `http://host:port/`."""
    url = urlsplit(address)
    free: asyncio.Queue[Connection] = asyncio.Queue()
    opened = [await asyncio.open_connection(url.hostname, url.port) for _ in range(CONNECTIONS)]
    for connection in opened:
        free.put_nowait(connection)
    try:
        yield HttpClient(url.netloc, free)
    finally:
        for _, writer in opened:
            writer.close()
