"""The report of the last training run: what was learned and what was kept, in Redis beside the models."""

from pydantic import ValidationError

from ...schemas.errors import ArtefactError
from ..store.models import ModelStore
from .answers import Learning

NAME = "report/learning"


async def put_learning(store: ModelStore, report: Learning) -> None:
    """Show it from now on.

    Raises:
        StoreUnavailableError: Try again.
    """
    await store.put(NAME, report.model_dump_json().encode())


async def learning(store: ModelStore) -> Learning:
    """The last report; an empty one where nothing was trained yet.

    Raises:
        ArtefactError: It is damaged.
        StoreUnavailableError: Try again.
    """
    data = await store.get(NAME)
    if data is None:
        return Learning()
    try:
        return Learning.model_validate_json(data)
    except ValidationError as error:
        raise ArtefactError(f"{NAME} in Redis is damaged: run the training again") from error
