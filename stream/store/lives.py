"""In which life each node of a cluster was when the watermarks were read.

A node's replication id (`master_replid`) tells its life: it is another one after a start, after a failover, and where a
primary was replaced and came back without having been started anew, which its run id would hide. It never comes back.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

from redis.asyncio.cluster import ClusterNode
from redis.exceptions import AskError, RedisClusterException, RedisError

from .groups import groups
from .nodes import Command, Nodes

_NOBODYS = ":moved"  # behind the key of a group's watermarks: a key that is never there, and goes where the slot goes


class Lives:
    """The nodes that have a group, and the life in which each of them may be written to.

    Args:
        nodes: To ask.
        known: The life of each primary.
        homes: For each group its node; while its slot is being moved, also the one that will have it.
    """

    def __init__(self, nodes: Nodes, known: Mapping[ClusterNode, str], homes: list[dict[ClusterNode, str]]) -> None:
        self._nodes = nodes
        self._known = known
        self._homes = homes

    @classmethod
    async def now(cls, nodes: Nodes) -> Self:
        """As they are now."""
        owners, primaries = await nodes.owners([group.slot for group in groups()]), await nodes.primaries()
        known = await nodes.lives([*owners, *primaries])
        homes = [{owner: known[owner]} for owner in owners]
        places = {group.slot: number for number, group in enumerate(groups())}
        for [view] in await asyncio.gather(*(nodes.ask(node, ("CLUSTER NODES",)) for node in primaries)):
            for slot, address in _moving(view):
                if slot in places:
                    node = nodes.node(address)
                    homes[places[slot]][node] = known[node] = known.get(node) or await nodes.life(node)
        return cls(nodes, known, homes)

    def of(self, group: int) -> str:
        """All lives in which a group may be written, with blanks between."""
        return " ".join(self._homes[group].values())

    async def follow(self, group: int, marks: Mapping[str, int]) -> None:
        """Where a group was handed on properly to a node that we know: this is one of its nodes from now on.

        Properly is what all who had it agree on, each in the life in which we know it, and what brings the watermarks
        along. A node that is gone agrees on nothing; one that was away while its slots were given to another agrees,
        but then nothing of what was in them came along.

        Args:
            group: Its number.
            marks: The least that its watermarks are, if they are there.
        """
        key, homes = groups()[group].watermarks + _NOBODYS, dict(self._homes[group])
        try:
            said = await asyncio.gather(*(self._nodes.ask(home, ("GET", key)) for home in homes))
            now = await self._nodes.lives(homes)
            others = {self._nodes.node(f"{at.host}:{at.port}") for [at] in said if isinstance(at, AskError)}
            found = await self._nodes.lives(others - homes.keys())
            [there] = await self._nodes.run([Command(groups()[group].slot, ("HGETALL", groups()[group].watermarks))])
        except (RedisError, RedisClusterException, OSError):
            return
        along = all(int(there.value.get(name.encode(), -1)) >= offset for name, offset in marks.items())
        if now == homes and found.items() <= self._known.items() and along:
            self._homes[group].update(found)


def _moving(view: Mapping[str, Mapping[str, Any]]) -> list[tuple[int, str]]:
    """The slots that a node is giving away now, and the addresses of those who get them, out of its CLUSTER NODES."""
    addresses = {node["node_id"]: address for address, node in view.items()}
    return [
        (int(move["slot"]), addresses[move["node_id"]])
        for node in view.values()
        for move in node["migrations"]
        if move["state"] == "migrating"
    ]
