"""A schema registry for each test that asks for one."""

from collections.abc import Iterator

import pytest

from tests.schemas.registry_server import RegistryServer, registry_server


@pytest.fixture
def server() -> Iterator[RegistryServer]:
    """The stand-in, empty."""
    with registry_server() as running:
        yield running
