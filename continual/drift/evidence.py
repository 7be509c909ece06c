"""What moved: codes and texts that speak for a change."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...schemas.events import MovedCode
from .reference import Reference
from .rows import Rows

MOST_CODES = 8
MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a report shows; see DriftReport."""

    codes: tuple[MovedCode, ...] = ()
    words: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


def moved_codes(window: Rows, reference: Reference, most: int = MOST_CODES) -> tuple[MovedCode, ...]:
    """Codes whose share changed most, measured by what they add to the PSI, the most first."""
    now = (np.bincount(window.codes, minlength=reference.codes) + 0.5) / (len(window) + 0.5 * reference.codes)
    sums = reference.sums
    before = (sums.codes + 0.5) / (float(sums.texts) + 0.5 * reference.codes)
    parts = (now - before) * np.log(now / before)
    leading = np.argsort(-parts, kind="stable")[:most].tolist()
    return tuple([MovedCode(code=c, reference=float(before[c]), current=float(now[c])) for c in leading])


def examples(window: Rows, reference: Reference, kind: str, codes: Sequence[MovedCode]) -> tuple[str, ...]:
    """Beginnings of texts: of a changed mix those of the codes that rose, otherwise the most novel ones."""
    new, _ = reference.residuals(window)
    if kind == "mix":
        new = new - 10.0 * ~np.isin(window.codes, [code.code for code in codes if code.current > code.reference])
    order = np.argsort(-new, kind="stable").tolist()
    return tuple(dict.fromkeys(window.texts[row] for row in order if window.texts[row]))[:MOST_EXAMPLES]
