"""Topics of their own on real brokers."""

import pytest

from tests.stream.worker.place import Place, make_place


@pytest.fixture
async def place(kafka: str, redis_url: str, unique) -> Place:
    """Topics, group and models of this test."""
    place = make_place(kafka, redis_url, unique)
    await place.prepare()
    return place
