"""Which kind of change it is."""

from collections.abc import Mapping
from typing import Literal

Kind = Literal["model", "content", "mix", "labels"]

_SAID = {
    "model": "the encoder no longer says the same of the same texts",
    "content": "texts of a kind that the model does not know",
    "mix": "known topics in another mix",
    "labels": "feedback disagrees with the model more than it used to",
}


def classify(scores: Mapping[str, float], *, adwin: bool, labels: bool, encoder: bool) -> Kind | None:
    """The kind of a change, or None where there is none.

    Args:
        scores: Of the statistics that are too far two windows in a row, above 1 each.
        adwin: Novelty or confidence has got worse, says ADWIN.
        labels: Feedback disagrees more than it used to.
        encoder: The anchor sentences moved.
    """
    if encoder:
        return "model"
    if adwin or any(name != "mix" for name in scores):
        return "content"
    if scores:
        return "mix"
    return "labels" if labels else None


def said(kind: Kind) -> str:
    """A kind in words."""
    return _SAID[kind]
