"""Commands to a cluster: one pipeline to each node that they concern, all nodes at the same time.

redis-py's `RedisCluster` knows which node has which slot. Its own pipeline is not used: it cannot tell which node
answered, sends ASKING on another connection than the command that needs it, and takes longer to find a command's slot
than the server to answer it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

from redis.asyncio.cluster import ClusterNode, PipelineCommand, RedisCluster
from redis.exceptions import AskError, MovedError, RedisError

from ...schemas.errors import StoreUnavailableError

_LIFE = ("INFO", "replication")
_ROUNDS = 5  # of redirections for a command
_AT_ONCE = 64  # pipelines to a node at most; as many connections


class Command(NamedTuple):
    """A command on keys of one slot."""

    slot: int
    words: tuple[str | bytes | int, ...]


class Answer(NamedTuple):
    """What a node said, and in which life (see `lives.py`) it was when it had said it."""

    value: Any
    life: str


class Cluster(RedisCluster):
    """redis-py's client, which may also be sent to a node that owns no slot yet.

    While slots are moved to a new node, ASK names it before any topology does; redis-py 8.1 then fails on None.
    """

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> ClusterNode | None:
        """See RedisCluster; a node that is named and not known becomes known."""
        found = super().get_node(host, port, node_name)
        if found is None and node_name:
            name, _, number = node_name.rpartition(":")
            manager = self.nodes_manager
            found = ClusterNode(name, int(number), "primary", **self.connection_kwargs)
            manager.set_nodes(manager.nodes_cache, {found.name: found})
        return found


class Nodes:
    """The nodes of a cluster.

    Args:
        client: Whose topology and connections are used.
        seeds: Where to ask for the topology when no node that was known answers.
    """

    def __init__(self, client: Cluster, seeds: Sequence[tuple[str, int]]) -> None:
        self._client = client
        self._manager = client.nodes_manager
        self._seeds = list(seeds)
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def refresh(self) -> None:
        """Ask again which node has which slots."""
        await self._known()
        await self._manager.initialize(self._seeds)

    async def owners(self, slots: Iterable[int]) -> list[ClusterNode]:
        """The node of each slot."""
        await self._known()
        return [self.owner(slot) for slot in slots]

    async def primaries(self) -> list[ClusterNode]:
        """All nodes that own slots."""
        await self._known()
        return self._client.get_primaries()

    def owner(self, slot: int) -> ClusterNode:
        """The node that has a slot, as far as is known."""
        return self._manager.get_node_from_slot(slot)

    def node(self, address: str) -> ClusterNode:
        """The node at `host:port`."""
        return cast("ClusterNode", self._client.get_node(node_name=address))

    async def ask(self, node: ClusterNode, *commands: tuple[str, ...]) -> list[Any]:
        """What one node says to each of these commands."""
        return await self._pipeline(node, commands)

    async def life(self, node: ClusterNode) -> str:
        """In which life a node is."""
        return _life(*await self.ask(node, _LIFE))

    async def lives(self, nodes: Iterable[ClusterNode]) -> dict[ClusterNode, str]:
        """In which life each of these nodes is."""
        each = set(nodes)
        return dict(zip(each, await asyncio.gather(*map(self.life, each)), strict=True))

    async def run(self, commands: Sequence[Command], script: str | None = None) -> list[Answer]:
        """Do all commands, those of one slot in their order; an answer for each, in their order.

        Args:
            commands: On one key each, so that they can be done while their slot is being moved.
            script: Known to every node before it gets its commands.

        Raises:
            RedisError: As redis-py's; the topology was asked for again, so the next call may succeed.
        """
        await self._known()
        answers: dict[int, Answer] = {}
        waiting = [(number, self.owner(command.slot), False) for number, command in enumerate(commands)]
        for _ in range(_ROUNDS):
            by_node: defaultdict[ClusterNode, list[tuple[int, bool]]] = defaultdict(list)
            for number, node, asking in waiting:
                by_node[node].append((number, asking))
            async with self._turn:
                done = await asyncio.gather(
                    *(self._do(node, some, commands, script) for node, some in by_node.items()), return_exceptions=True
                )
            await self._raise_first(done)
            for some in cast("list[dict[int, Answer]]", done):
                answers |= some
            waiting = [
                (number, await self._redirected(answer.value), not isinstance(answer.value, MovedError))
                for number, answer in sorted(answers.items())
                if isinstance(answer.value, AskError)
            ]
            if not waiting:
                return [answers[number] for number in range(len(commands))]
        raise StoreUnavailableError("Redis Cluster sends us from node to node: its slots are being moved")

    async def close(self) -> None:
        """Release all connections."""
        await self._client.aclose()
        for node in self._client.get_nodes():
            await node.disconnect()

    async def _known(self) -> None:
        await self._client.initialize(self._seeds)

    async def _do(
        self, node: ClusterNode, some: Iterable[tuple[int, bool]], commands: Sequence[Command], script: str | None
    ) -> dict[int, Answer]:
        """What a node says to some of the commands.

        Its life is asked for behind them: as no life comes back, it was the same before if it is what we expect.
        """
        words: list[tuple[str | bytes | int, ...]] = [("SCRIPT LOAD", script)] if script else []
        places: dict[int, int] = {}
        for number, asking in some:
            if asking:
                words.append(("ASKING",))
            places[number] = len(words)
            words.append(commands[number].words)
        said = await self._pipeline(node, [*words, _LIFE])
        return {number: Answer(said[place], _life(said[-1])) for number, place in places.items()}

    async def _pipeline(self, node: ClusterNode, commands: Sequence[tuple[str | bytes | int, ...]]) -> list[Any]:
        """What it says to each command; that it sends us elsewhere is an answer, too."""
        queue = [PipelineCommand(number, *words) for number, words in enumerate(commands)]
        await node.execute_pipeline(queue)
        for command in queue:
            if isinstance(command.result, Exception) and not isinstance(command.result, AskError):
                raise command.result
        return [command.result for command in queue]

    async def _redirected(self, error: AskError) -> ClusterNode:
        if isinstance(error, MovedError):
            await self._manager.move_slot(error)
            return self.owner(error.slot_id)
        return self.node(f"{error.host}:{error.port}")

    async def _raise_first(self, results: Iterable[object]) -> None:
        """Raise what went wrong; where a node was not there, others may have taken over from it."""
        for result in results:
            if isinstance(result, BaseException):
                if isinstance(result, (RedisError, OSError)):
                    await self.refresh()
                raise result


def _life(info: Any) -> str:
    return str(info["master_replid"])
