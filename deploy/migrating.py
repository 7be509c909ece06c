"""The sweep over a deployment's profiles."""

from collections.abc import Callable

from ..inference.spaces import Way
from ..schemas.errors import ConfigurationError
from ..stream.store.models import RedisModelStore, load_ways
from ..stream.sweep import Sweep, Swept
from . import wiring
from .settings import Settings


async def migrate(
    settings: Settings, encoder: str, report: Callable[[int, int], None], *, start_afresh: bool = False
) -> Swept:
    """Carry all stored profiles into the space of an encoder.

    Args:
        settings: Of the deployment.
        encoder: The one in use.
        report: Told how many users were looked at, and of how many.
        start_afresh: Drop the vectors of encoders that no map leads from.

    Raises:
        StoreUnavailableError: Redis does not answer at first; later on it is waited for.
        ArtefactError: A key of a profile holds something else.
    """
    store = wiring.store(settings)
    try:
        ways = await load_ways(RedisModelStore(store.client), encoder)
        _check(ways, wiring.layout(settings).dimensions)
        return await Sweep(store, wiring.layout(settings), encoder, ways, start_afresh=start_afresh).run(report)
    finally:
        await store.close()


def _check(ways: dict[str, Way], dimensions: int) -> None:
    wrong = sorted(source for source, way in ways.items() if way.matrix.shape != (dimensions, dimensions))
    if wrong:
        raise ConfigurationError(
            f"the maps from {', '.join(wrong)} are not of {dimensions} dimensions: publish the encoder again"
        )
