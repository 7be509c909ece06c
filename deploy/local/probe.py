"""Whether a server answers: asked the way a client would, on its loopback port."""

import asyncio

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .ports import LOOPBACK

_SECONDS = 1.0
_ONCE = Retry(NoBackoff(), 0)


async def kafka_answers(port: int) -> bool:
    """Whether a Kafka broker lists at least one live broker: itself."""
    if not await _listens(port):  # before asking aiokafka, which logs an error where nobody listens
        return False
    client = AIOKafkaClient(bootstrap_servers=f"{LOOPBACK}:{port}", request_timeout_ms=int(_SECONDS * 1000))
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await client.close()


async def redis_answers(port: int) -> bool:
    """Whether a Redis or Valkey has loaded its data and answers."""
    try:
        async with Redis(
            host=LOOPBACK, port=port, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS, retry=_ONCE
        ) as client:
            return bool(await client.ping())
    except (RedisError, OSError, TimeoutError):
        return False


async def http_answers(port: int, path: str) -> bool:
    """Whether a server answers 200 to a GET."""
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split()[1:2] == [b"200"]


async def _listens(port: int) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            _, writer = await asyncio.open_connection(LOOPBACK, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
