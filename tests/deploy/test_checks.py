"""What the doctor, and every worker at its start, says of servers that will not do."""

from dataclasses import replace
from pathlib import Path

import pytest

from profilestream.deploy import checks
from profilestream.deploy.local.ports import free_port
from profilestream.deploy.local.process import ServerProcess
from profilestream.deploy.local.valkey import supported, valkey
from profilestream.deploy.settings import Settings
from profilestream.schemas.errors import ConfigurationError
from tests.conftest import skip_if
from tests.stream.store.cluster import SmallCluster


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (("--cluster-enabled", "yes", "--cluster-port"), "set PROFILESTREAM_REDIS_CLUSTER"),
        (("--maxmemory-policy", "allkeys-lru", "--repl-backlog-size"), "set its maxmemory-policy to noeviction"),
    ],
    ids=["cluster", "eviction"],
)
async def test_a_redis_that_would_lose_profiles_is_refused(tmp_path: Path, option: tuple[str, ...], said: str) -> None:
    """With the reason, before an event is read."""
    skip_if(supported())
    plan = valkey(tmp_path)
    server = ServerProcess(replace(plan, command=(*plan.command, *option, str(free_port()))), tmp_path)
    await server.start()
    try:
        with pytest.raises(ConfigurationError, match=said):
            await checks.redis(Settings(redis_url=server.address))
    finally:
        await server.stop()


async def test_a_cluster_is_accepted_where_it_evicts_nothing(cluster: SmallCluster) -> None:
    """One node that would evict profiles is enough to refuse it, by its address."""
    settings = Settings(redis_url=cluster.url, redis_cluster=True)
    assert "cluster of 3" in await checks.redis(settings)
    cluster.nodes[1].admin.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with pytest.raises(ConfigurationError, match=f"{cluster.nodes[1].port} may evict profiles"):
            await checks.redis(settings)
    finally:
        cluster.nodes[1].admin.config_set("maxmemory-policy", "noeviction")


async def test_one_server_is_no_cluster(redis_url: str) -> None:
    """The setting that is wrong is named."""
    with pytest.raises(ConfigurationError, match="leave PROFILESTREAM_REDIS_CLUSTER out"):
        await checks.redis(Settings(redis_url=redis_url, redis_cluster=True))
