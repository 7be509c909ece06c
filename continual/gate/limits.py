"""How much is too much."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of the gate; shares are fractions of 1.

    Attributes:
        margin: Accuracy or retrieval that may be lost on old slices.
        label_margin: Accuracy that may be lost on a single label.
        label_texts: Labels with fewer held-out texts are not judged alone.
        sure: How sure a loss beyond its margin must be before it counts against the candidate.
        worth_sure: How sure the gain over the frozen heads must be.
        worth_retrieval: Or by how much profile retrieval must grow.
        cosine: Of the exported model to torch, at least.
        latency: Times the champion's seconds, at most.
        kept_several: Of the retrieval of re-embedding, that migrated profiles with several interests must keep.
        kept_one: The same for the one long-term vector.
        calibration: Expected calibration error that may be added to the champion's.
    """

    margin: float = 0.01
    label_margin: float = 0.15
    label_texts: int = 10
    sure: float = 0.9
    worth_sure: float = 0.8
    worth_retrieval: float = 1.10
    cosine: float = 0.99
    latency: float = 1.5
    kept_several: float = 0.97
    kept_one: float = 0.93
    calibration: float = 0.05
