"""What goes with an encoder fits it, and the profiles that are stored."""

from dataclasses import replace

import numpy as np
import pytest

from profilestream.continual.publish.bundle import Bundle
from profilestream.inference.codebook import Codebook
from profilestream.inference.spaces import SpaceMap
from profilestream.schemas.errors import ArtefactError
from tests.continual.publish.world import BASE, CODES, DIMENSIONS, RANK, bundle

V2 = "encoder-v2"


def other_codebook(codes: int = CODES, rank: int = RANK) -> Codebook:
    """Of another size."""
    return Codebook(
        encoder=V2,
        seed=0,
        codes=np.ones((codes, DIMENSIONS), np.float32),
        projection=np.eye(rank, DIMENSIONS, dtype=np.float32),
    )


def one_way() -> tuple[SpaceMap, ...]:
    """There, and no way back."""
    return tuple(item for item in bundle(V2).maps if item.target == V2)


WRONG = {
    "were made for encoder-v1": bundle(BASE),
    "dimensions, it has": bundle(V2, dimensions=32),
    "codes, profiles have": replace(bundle(V2), codebook=other_codebook(codes=5)),
    "stored dimensions, profiles have": replace(bundle(V2), codebook=other_codebook(rank=4)),
    "has no head for sentiment": replace(bundle(V2), heads=bundle(V2).heads[:1]),
    "numbers its labels otherwise": bundle(V2, labels=("dogs", "cats")),
    "needs a map of 8 by 8 from encoder-v2 to encoder-v1": replace(bundle(V2), maps=one_way()),
    "need a step for each of": replace(
        bundle(V2), maps=tuple(replace(item, steps=np.ones((3, RANK), np.float32)) for item in bundle(V2).maps)
    ),
}


def test_a_good_one_passes() -> None:
    """Also with more labels than the champion has."""
    bundle(V2).check(V2, DIMENSIONS, bundle(BASE))
    bundle(V2, labels=("cats", "dogs", "trains", "ships")).check(V2, DIMENSIONS, bundle(BASE))


@pytest.mark.parametrize("reason", WRONG)
def test_what_does_not_fit_is_refused(reason: str) -> None:
    """Each would spoil stored profiles, or leave them without a way back."""
    with pytest.raises(ArtefactError, match=reason):
        WRONG[reason].check(V2, DIMENSIONS, bundle(BASE))


def test_it_comes_back_from_its_artefacts() -> None:
    """All parts, whatever their order."""
    artefacts = bundle(V2).artefacts()
    again = Bundle.from_artefacts(V2, dict(reversed(artefacts.items())))
    assert sorted(again.artefacts().items()) == sorted(artefacts.items())
    assert list(artefacts)[-1] == f"release/{V2}"  # what says that the rest is there comes last
