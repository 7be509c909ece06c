"""The registry's client; and its stand-in, kept true by Confluent's own client."""

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError

from profilestream.schemas.errors import ConfigurationError, RegistryUnavailableError
from profilestream.schemas.registry import TRIES, SchemaRegistry

V1 = '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}]}'
V2 = (
    '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "string"}, '
    '{"name": "b", "type": "int", "default": 0}]}'
)
OTHER = '{"type": "record", "name": "R", "fields": [{"name": "c", "type": "string"}]}'


@pytest.fixture
async def registry(server):
    """A client of the stand-in."""
    registry = SchemaRegistry(server.url, timeout=2.0)
    yield registry
    await registry.close()


def test_stand_in_answers_confluents_client(server):
    """The stand-in is a registry as far as Confluent's client can tell."""
    client = SchemaRegistryClient({"url": server.url})
    first = client.register_schema("s-value", Schema(V1, "AVRO"))
    assert client.get_schema(first).schema_str == V1
    assert client.get_compatibility() == "BACKWARD"
    assert client.test_compatibility("s-value", Schema(V2, "AVRO"))
    assert not client.test_compatibility("s-value", Schema(OTHER, "AVRO"))
    second = client.register_schema("s-value", Schema(V2, "AVRO"))
    latest = client.get_latest_version("s-value")
    assert (latest.schema_id, latest.version, latest.schema.schema_str) == (second, 2, V2)
    assert client.lookup_schema("s-value", Schema(V1, "AVRO")).version == 1


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        (lambda client: client.get_schema(99), 404, 40403),
        (lambda client: client.get_latest_version("nobody-value"), 404, 40401),
        (lambda client: client.lookup_schema("nobody-value", Schema(V1, "AVRO")), 404, 40401),
        (lambda client: client.lookup_schema("s-value", Schema(V2, "AVRO")), 404, 40403),
        (lambda client: client.register_schema("s-value", Schema(OTHER, "AVRO")), 409, 409),
        (lambda client: client.register_schema("s-value", Schema("{", "AVRO")), 422, 42201),
    ],
    ids=["no schema", "no subject", "lookup without subject", "not registered", "incompatible", "no Avro"],
)
def test_stand_in_refuses_as_documented(server, call, status, code):
    """The stand-in's errors have the status and code of the API's reference."""
    client = SchemaRegistryClient({"url": server.url, "max.retries": 0})
    client.register_schema("s-value", Schema(V1, "AVRO"))
    with pytest.raises(SchemaRegistryError) as caught:
        call(client)
    assert (caught.value.http_status_code, caught.value.error_code) == (status, code)


async def test_what_is_not_there_is_none(registry):
    """A new registry knows nothing, and says so without an error."""
    assert await registry.schema(1) is None
    assert await registry.latest("s-value") is None
    assert await registry.id_of("s-value", V1) is None


async def test_registered_schema_is_found(registry):
    """What was registered is found by id, by subject and by its text."""
    number = await registry.register("s-value", V1)
    assert await registry.schema(number) == V1
    assert await registry.latest("s-value") == V1
    assert await registry.id_of("s-value", V1) == number


async def test_subject_with_a_slash_stays_one_subject(server, registry):
    """A name that means something in a URL is quoted."""
    await registry.register("a/b?c-value", V1)
    assert list(server.subjects) == ["a/b?c-value"]


async def test_refused_schema_is_a_wrong_configuration(registry):
    """The registry's own words reach the person who can mend the schema."""
    await registry.register("s-value", V1)
    with pytest.raises(ConfigurationError, match=r"409 .*incompatible"):
        await registry.register("s-value", OTHER)


async def test_short_trouble_is_not_noticed(server, registry):
    """A registry that fails once or twice is asked again."""
    server.failing = TRIES - 1
    assert await registry.register("s-value", V1) == 1


async def test_long_trouble_is_told(server, registry):
    """A registry that goes on failing is reported with its own words."""
    server.failing = TRIES
    with pytest.raises(RegistryUnavailableError, match="503 Error while forwarding"):
        await registry.latest("s-value")


async def test_registry_that_is_away_is_told(server, registry):
    """Nobody at the address: the error says which one."""
    server.stop()
    with pytest.raises(RegistryUnavailableError, match=f"{server.url} does not answer"):
        await registry.latest("s-value")


async def test_password_is_needed_and_given(server):
    """A registry that asks for a password gets it; without, the error says what is wrong."""
    server.login = ("ann", "s3cret")
    for user, password, good in (("ann", "s3cret", True), ("ann", "wrong", False), (None, None, False)):
        registry = SchemaRegistry(server.url, user=user, password=password)
        try:
            if good:
                assert await registry.latest("s-value") is None
            else:
                with pytest.raises(ConfigurationError, match="401 Unauthorized"):
                    await registry.latest("s-value")
        finally:
            await registry.close()


async def test_answer_of_something_else_is_not_believed(server, registry):
    """A web server at the address that is no registry is told apart from a registry without the schema."""
    server.page = b"<html>404 Not Found</html>"
    with pytest.raises(RegistryUnavailableError, match="not the answer of a schema registry"):
        await registry.schema(1)
