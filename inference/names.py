"""Under which names a store keeps what goes with an encoder."""

import json

from ..schemas.errors import ArtefactError


def codebook_name(encoder: str) -> str:
    """Of the codebook of an encoder."""
    return f"codebook/{encoder}"


def head_name(task: str, encoder: str) -> str:
    """Of the head of a task: each encoder has heads of its own."""
    return f"head/{encoder}/{task}"


def map_name(source: str, target: str) -> str:
    """Of the map that carries stored vectors from one encoder's space into another's."""
    return f"map/{source}/{target}"


def release_name(encoder: str) -> str:
    """Of the list of what must be there before an encoder may answer, see `release`."""
    return f"release/{encoder}"


def release(tasks: list[str]) -> bytes:
    """The content of a release: the tasks whose heads belong to it."""
    return json.dumps({"heads": sorted(tasks)}).encode()


def released_tasks(data: bytes) -> set[str]:
    """The inverse.

    Raises:
        ArtefactError: It is something else.
    """
    try:
        return {str(task) for task in json.loads(data)["heads"]}
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError("a release is damaged: run `profilestream models resume`") from error
