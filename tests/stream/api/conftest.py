"""An API over the twins."""

import pytest

from tests.stream.api.place import Place
from tests.stream.world import event


@pytest.fixture
async def place() -> Place:
    """An API that knows some users."""
    place = Place()
    await place.happen(*[event(number, user=f"user-{number % 7}", text=f"word{number % 11}") for number in range(140)])
    return place
