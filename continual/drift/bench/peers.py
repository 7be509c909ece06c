"""Other detectors on the same streams, with their defaults: river's on novelty, Evidently's on embeddings."""

import importlib.util
import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from ....inference.embedder import Embeddings
from .streams import WITHIN, Stream

WINDOW = 500
REFERENCE = 1000  # texts that Evidently compares with: its MMD holds all pairs in memory


class Peer(Protocol):
    """A detector that is compared with ours.

    Attributes:
        checks: How many windows (texts, for detectors that look at each) it has judged.
        seconds: That it took.
        texts: Seen.
    """

    checks: int
    seconds: float
    texts: int

    def alarms(self, stream: Stream, reference: Embeddings) -> list[int]:
        """Positions in the stream at which it raises an alarm."""
        ...


class RiverPeer:
    """A river detector on novelty, text by text.

    Args:
        make: Gives a new detector.
        slow: Only on one draw for each domain, and on the first 2,000 texts.
    """

    def __init__(self, make: Callable[[], Any], *, slow: bool = False) -> None:
        self._make = make
        self.slow = slow
        self.checks, self.seconds, self.texts = 0, 0.0, 0

    def alarms(self, stream: Stream, reference: Embeddings) -> list[int]:  # noqa: ARG002
        """See Peer."""
        most = 2 * WITHIN if self.slow else len(stream.rows)
        detector, found, values = self._make(), [], stream.rows.novelty[:most].astype(float).tolist()
        begun = time.perf_counter()
        for position, value in enumerate(values):
            detector.update(value)
            if detector.drift_detected:
                found.append(position)
        self.seconds += time.perf_counter() - begun
        self.texts += len(values)
        self.checks += len(values)
        return found


class EvidentlyPeer:
    """One of Evidently's methods, on windows of 500 embeddings side by side, from the change on.

    Args:
        method: Takes current and reference embeddings as data frames; gives score, alarm, name.
    """

    slow = True

    def __init__(self, method: Callable[..., tuple[float, bool, str]]) -> None:
        self._method = method
        self.checks, self.seconds, self.texts = 0, 0.0, 0

    def alarms(self, stream: Stream, reference: Embeddings) -> list[int]:
        """See Peer."""
        import pandas as pd  # noqa: PLC0415 (comes with Evidently)

        begin = stream.at if stream.at < len(stream.embeddings) else 0
        end = min(len(stream.embeddings), begin + 2 * WITHIN)
        found = []
        for at in range(begin, end - WINDOW + 1, WINDOW):
            current, before = (pd.DataFrame(x) for x in (stream.embeddings[at : at + WINDOW], reference[:REFERENCE]))
            begun = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _, alarm, _ = self._method(current, before)
            self.seconds += time.perf_counter() - begun
            self.checks += 1
            self.texts += WINDOW
            if alarm:
                found.append(at + WINDOW - 1)
        return found


def peers() -> Iterator[tuple[str, RiverPeer | EvidentlyPeer | str]]:
    """Each by its name; a text instead says why it is absent."""
    from river import drift  # noqa: PLC0415 (scipy and scikit-learn come with it: not in a worker)

    yield "river ADWIN", RiverPeer(drift.ADWIN)
    yield "river PageHinkley", RiverPeer(drift.PageHinkley)
    yield "river KSWIN", RiverPeer(lambda: drift.KSWIN(seed=0), slow=True)
    names = ("distance", "model", "ratio", "mmd")
    if importlib.util.find_spec("evidently") is None:
        yield from ((f"Evidently {name}", "absent: pip install 'profilestream[bench]'") for name in names)
        return
    os.environ.setdefault("DO_NOT_TRACK", "1")  # Evidently reports home otherwise
    try:
        from evidently.legacy.metrics.data_drift import embedding_drift_methods as methods  # noqa: PLC0415
    except ImportError as error:
        yield from ((f"Evidently {name}", f"absent: does not work here ({error})") for name in names)
        return
    for name in names:
        yield f"Evidently {name}", EvidentlyPeer(getattr(methods, name)())


def first_after(alarms: list[int], stream: Stream) -> int | None:
    """Texts from the change to the first alarm after it, within 1,000."""
    after = np.array([position - stream.at + 1 for position in alarms if position >= stream.at])
    soon = after[after <= WITHIN]
    return int(soon.min()) if len(soon) else None
