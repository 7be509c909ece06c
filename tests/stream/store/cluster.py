"""A small real cluster: the local stack's server a few times, with what an operator (or an accident) does to it."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from redis import Redis
from redis.exceptions import RedisError

from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import Server, ServerProcess, start_on_free_ports
from profilestream.deploy.local.valkey import valkey
from profilestream.stream.store.cluster import ClusterStore
from profilestream.stream.store.redis import RedisStore

SLOTS = 16384


class Node:
    """A server of the cluster.

    Attributes:
        port: Where it listens.
        admin: A connection to it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: ServerProcess | None = None
        self.port = 0

    async def start(self) -> None:
        """Start it, with what it kept of the cluster and without any data; on the same port every time."""
        if self.port:
            self._process = ServerProcess(self._server(self.port), self._folder)
            await self._process.start()
        else:
            self._process = await start_on_free_ports(lambda: self._server(free_port()), self._folder)
            self.port = self._process.server.ports[0]
        self.admin = Redis(port=self.port)

    def _server(self, port: int) -> Server:
        bus = free_port()
        options = {"cluster-enabled": "yes", "cluster-port": str(bus), "cluster-node-timeout": "4000"}
        options["repl-diskless-sync-delay"] = "0"  # seconds that a primary waits for more replicas
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        server = valkey(self._folder, port=port)
        return replace(server, name=f"valkey-{port}", command=(*server.command, *words))

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def id(self) -> str:
        """Its name in the cluster."""
        return str(self.admin.execute_command("CLUSTER MYID").decode())

    async def kill(self) -> None:
        """`kill -9`."""
        assert self._process is not None
        for child in psutil.Process(self._process.pid).children(recursive=True):
            child.kill()
        await self._process.wait()
        await self._process.stop()

    async def stop(self) -> None:
        """Stop it, should it run."""
        if self._process:
            self.admin.close()
            await self._process.stop()

    def meet(self, other: "Node") -> None:
        """Make two clusters one."""
        bus = other.admin.config_get("cluster-port")["cluster-port"]
        self.admin.execute_command("CLUSTER MEET", "127.0.0.1", other.port, bus)

    def inherit(self) -> None:
        """Take all slots, whosever they are: it gets what it had, and the others as they are, empty."""
        self.admin.execute_command("CLUSTER DELSLOTSRANGE", 0, SLOTS - 1)
        self.admin.execute_command("CLUSTER ADDSLOTSRANGE", 0, SLOTS - 1)
        self.admin.execute_command("CLUSTER BUMPEPOCH")

    async def cut_off(self) -> None:
        """A replica hears no more of its primary, and cannot reach it again."""
        self.admin.config_set("primaryauth", "wrong")
        self.admin.execute_command("CLIENT KILL TYPE PRIMARY")
        await until(lambda: self.admin.info("replication")["master_link_status"] == "down")

    async def take_over(self, way: str = "TAKEOVER") -> None:
        """A replica becomes the primary: at once (TAKEOVER), or when it has everything (FORCE, or empty)."""
        self.admin.execute_command("CLUSTER FAILOVER", *way.split())
        await until(lambda: self.admin.info("replication")["role"] == "master")


class SmallCluster:
    """Nodes that know each other.

    Args:
        folder: Theirs.
        primaries: How many share the slots.
        empty: How many more have none.
    """

    def __init__(self, folder: Path, primaries: int = 3, empty: int = 0) -> None:
        self._primaries = primaries
        self.nodes = [Node(folder / str(number)) for number in range(primaries + empty)]

    async def start(self) -> None:
        """Start them all, share out the slots, and wait until all agree."""
        await asyncio.gather(*(node.start() for node in self.nodes))
        for number in range(self._primaries):
            first, behind = (place * SLOTS // self._primaries for place in (number, number + 1))
            self.nodes[number].admin.execute_command("CLUSTER ADDSLOTSRANGE", first, behind - 1)
        for number, node in enumerate(self.nodes):
            node.admin.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        for node in self.nodes[1:]:
            self.nodes[0].meet(node)
        await self.agreed()

    async def stop(self) -> None:
        """Stop them all."""
        await asyncio.gather(*(node.stop() for node in self.nodes))

    @property
    def url(self) -> str:
        """Of all nodes."""
        return ",".join(node.url for node in self.nodes)

    def empty(self) -> None:
        """Forget everything that was stored."""
        for node in self.nodes:
            if node.admin.info("replication")["role"] == "master":
                node.admin.flushall()

    async def agreed(self) -> None:
        """Wait until every node sees all others and all slots."""
        await until(lambda: all(self._sees_all(node) for node in self.nodes))

    async def replicate(self, replica: Node, primary: Node) -> None:
        """Make an empty node a replica, and wait until it has everything."""
        replica.admin.execute_command("CLUSTER REPLICATE", primary.id)
        await self.synchronised(replica)

    async def synchronised(self, replica: Node) -> None:
        """Wait until a node is a replica and has everything."""
        await until(lambda: replica.admin.info("replication").get("master_link_status") == "up")

    def owner(self, slot: int, witness: Node | None = None) -> Node:
        """Whose a slot is, as one of the nodes sees it."""
        ranges: list[Any] = (witness or self.nodes[1]).admin.execute_command("CLUSTER SLOTS")
        port = next(owner[1] for first, last, owner, *_ in ranges if first <= slot <= last)
        return next(node for node in self.nodes if node.port == port)

    def move_begins(self, slot: int, source: Node, target: Node) -> None:
        """From here on keys of a slot go over one by one."""
        target.admin.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", source.id)
        source.admin.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", target.id)

    def move_some(self, slot: int, source: Node, target: Node, most: int = 1000) -> int:
        """Move keys of a slot; how many there were."""
        keys: Sequence[Any] = source.admin.execute_command("CLUSTER GETKEYSINSLOT", slot, most)
        if keys:
            source.admin.execute_command("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *keys)
        return len(keys)

    def move_ends(self, slot: int, source: Node, target: Node) -> None:
        """The slot is the target's."""
        for node in (target, source):
            node.admin.execute_command("CLUSTER SETSLOT", slot, "NODE", target.id)

    def _sees_all(self, node: Node) -> bool:
        try:
            info = node.admin.execute_command("CLUSTER INFO")
        except RedisError:
            return False
        state = info if isinstance(info, dict) else {}
        return (
            state.get("cluster_state") == "ok"
            and int(state["cluster_known_nodes"]) == len(self.nodes)
            and int(state["cluster_slots_ok"]) == SLOTS
        )


def url_of(request: pytest.FixtureRequest) -> str | None:
    """For a fixture's parameter: of the real server ("redis"), of the real cluster ("cluster"), None for the twin."""
    if request.param == "memory":
        return None
    return str(request.getfixturevalue("redis_url") if request.param == "redis" else cluster_url(request))


def cluster_url(request: pytest.FixtureRequest) -> str:
    """Of the cluster that all tests share, empty."""
    cluster: SmallCluster = request.getfixturevalue("cluster")
    return cluster.url


def store_at(url: str) -> RedisStore:
    """A store on one server or, where there are several, on their cluster."""
    return ClusterStore.connect(url) if "," in url else RedisStore.connect(url)


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is true.

    Raises:
        TimeoutError: It did not become true.
    """
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)
