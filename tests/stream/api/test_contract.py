"""The API keeps to its own description: schemathesis asks whatever it allows and forbids."""

import asyncio

import schemathesis
from hypothesis import HealthCheck, assume, settings

from tests.stream.api.place import ADMIN, Place, bearer
from tests.stream.world import event

EXAMPLES = 25  # an operation; `make fuzz` is the place for more


def known_place() -> Place:
    """An API that knows some users, among them those of the examples."""
    place = Place()
    users = ("ada", "grace", "0")
    asyncio.run(place.happen(*[event(number, user=users[number % 3]) for number in range(30)]))
    return place


schema = schemathesis.openapi.from_asgi("/openapi.json", known_place().app)


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_answers_are_as_described(case) -> None:
    """No error of ours, no status, header, type or body that the description does not have, no token ignored."""
    # Parameters that we do not have are ignored, as proxies and clients add some of theirs.
    assume(set(case.query or {}) <= {parameter.name for parameter in case.operation.query})
    case.call_and_validate(headers=bearer(ADMIN))
