"""The local stack: broker, store and inference server, real ones, on loopback, for as long as a block runs."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import structlog

from ...schemas.errors import SetupError
from . import kafka, tansu, triton, valkey
from .ports import LOOPBACK, free_port
from .process import Server, ServerProcess, start_on_free_ports
from .report import Report, silent
from .runs import Addresses, announce, new_run, withdraw

log = structlog.get_logger(__name__)

_TRITON_START_SECONDS = 120.0
_TRITON_STOP_SECONDS = 20.0


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """What Triton is to serve.

    Args:
        repository: A Triton model repository.
        models: Names in it, loaded at the start.
    """

    repository: Path
    models: Sequence[str]


class LocalStack:
    """Starts the servers on entering, stops them on leaving, whatever happens in between.

        async with LocalStack(home, encoder=Encoder(repository=path, models=["encoder-v1"])) as stack:
            connect(stack.addresses.kafka)

    Args:
        home: The data home: logs, Triton's environment and what is kept go there.
        encoder: What Triton serves; no Triton is started where it is None.
        kafka_home: An unpacked Apache Kafka to use in place of the embedded broker; then the broker's and the store's
            data are kept for the next time (both or neither: profiles know the offsets that they hold).
        report: Told what is being done.
    """

    def __init__(
        self,
        home: Path,
        *,
        encoder: Encoder | None = None,
        kafka_home: Path | None = None,
        report: Report = silent,
    ) -> None:
        self._home = home
        self._encoder = encoder
        self._kafka_home = kafka_home
        self._report = report
        self._servers: list[ServerProcess] = []
        self._stops = AsyncExitStack()
        self._addresses: Addresses | None = None
        self._run: Path | None = None
        self._missing: dict[str, str] = {}

    @property
    def addresses(self) -> Addresses:
        """Where the servers are."""
        if self._addresses is None:
            raise RuntimeError("the local stack is not running")
        return self._addresses

    @property
    def missing(self) -> dict[str, str]:
        """The parts that cannot run on this machine, with the reason: the caller uses their in-process twins."""
        return dict(self._missing)

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each server's launcher, whose child the server is; of the same name, the last started."""
        return {process.server.name: process.pid for process in self._servers}

    @property
    def run(self) -> Path:
        """The folder of this run, with a log for each server."""
        if self._run is None:
            raise RuntimeError("the local stack was not started")
        return self._run

    async def __aenter__(self) -> Self:
        """Start everything.

        Raises:
            SetupError: A server that has no twin cannot run here, or one did not start.
        """
        self._check()
        self._run = new_run(self._home)
        try:
            async with asyncio.TaskGroup() as group:
                inference = group.create_task(self._start_triton())
                stores = group.create_task(self._start_broker_and_store())
            broker, store = stores.result()
            self._addresses = Addresses(kafka=broker, redis=store, triton=inference.result())
            self._announce()
        except BaseExceptionGroup as failures:
            await self._stop()
            raise failures.exceptions[0] from None
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop everything that was not detached, the last started first."""
        await self._stop()

    def detach(self) -> None:
        """Leave the servers running on exit, and after the end of this program; `runs.stop_running` stops them."""
        for process in self._servers:
            process.detach()
        self._servers.clear()
        self._stops = AsyncExitStack()

    async def watch(self) -> NoReturn:
        """Wait until a server ends by itself, and raise.

        Raises:
            SetupError: Which one, its last words and where its log is.
        """
        waits = {asyncio.ensure_future(process.wait()): process for process in self._servers}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            raise waits[done.pop()].failure()
        finally:
            for wait in waits:
                wait.cancel()

    def _check(self) -> None:
        broker = tansu.supported() if self._kafka_home is None else kafka.supported(self._kafka_home)
        for reason in (broker, valkey.supported()):
            if reason:
                raise SetupError(f"The local stack cannot start: {reason}.")

    async def _start_broker_and_store(self) -> tuple[str, str]:
        # One after the other, as two Kafkas on the same data refuse each other and two stores would not.
        if self._kafka_home is None:
            broker = await self.start(tansu.tansu)
            store = await self.start(lambda: valkey.valkey(self.run / "valkey"))
        else:
            home = self._kafka_home
            broker = await self.start(lambda: kafka.kafka(home, self._home / "kafka"))
            store = await self.start(lambda: valkey.valkey(self._home / "valkey", keep=True))
        return broker.address, store.address

    async def _start_triton(self) -> str | None:
        if self._encoder is None:
            return None
        reason = triton.supported()
        if reason:
            self._missing["triton"] = reason
            self._report(f"no Triton on this machine, the encoder runs in-process: {reason}")
            return None
        environment = await asyncio.to_thread(triton.prepare_environment, self._home, self._report)
        encoder = self._encoder
        return (await self.start(lambda: triton_server(environment, encoder))).address

    async def start(self, plan: Callable[[], Server]) -> ServerProcess:
        """Start one more process in this stack: watched and stopped with the others.

        Args:
            plan: Gives what to run; called again where a port was taken meanwhile.

        Raises:
            SetupError: It does not start.
        """
        process = await start_on_free_ports(plan, self.run)
        self._servers.append(process)
        self._stops.push_async_callback(process.stop)
        if self._addresses is not None:  # later than the servers: `down` is to find it, too
            self._announce()
        self._report(f"{process.server.name} runs at {process.address}")
        return process

    async def end(self, process: ServerProcess) -> None:
        """Stop one process of this stack before the others."""
        self._servers.remove(process)
        await process.stop()
        self._announce()

    def _announce(self) -> None:
        announce(self.run, self.addresses, self.pids)

    async def _stop(self) -> None:
        if self._servers:
            withdraw(self.run)
        self._servers.clear()
        await self._stops.aclose()


def triton_server(
    environment: triton.TritonEnvironment, encoder: Encoder, ports: tuple[int, int, int] | None = None
) -> Server:
    """Triton on loopback; its address is that of gRPC.

    Args:
        environment: Where it is installed.
        encoder: What it serves.
        ports: Of gRPC, HTTP and metrics; free ports where it is None.
    """
    grpc, http, metrics = ports or (free_port(), free_port(), free_port())
    command, variables = triton.triton_command(environment, encoder.repository, encoder.models, grpc, http, metrics)
    return Server(
        name="triton",
        address=f"{LOOPBACK}:{grpc}",
        command=tuple(command),
        ready=lambda: triton.triton_ready(http),
        ports=(grpc, http, metrics),
        environment=variables,
        start_within=_TRITON_START_SECONDS,
        stop_within=_TRITON_STOP_SECONDS,
    )
