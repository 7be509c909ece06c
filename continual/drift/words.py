"""Words that are used more than before.

Log-odds ratio with an informative Dirichlet prior (Monroe et al., "Fightin' Words", Political Analysis 2008): rare
words need more evidence than frequent ones, which neither differences nor ratios of shares ask for.
"""

import re
from collections import Counter
from collections.abc import Iterable

import numpy as np

_WORD = re.compile(r"(?<![<\w])[^\W\d_][\w'-]{2,}(?![>\w])")  # not what the redactor put in: <email>
_PRIOR = 0.05  # share of the reference's counts that is believed of the window beforehand
_UNSEEN = 0.5  # texts in which a word of the window is believed to occur that the reference does not have
_SURE = 2.0  # standard deviations


def count_words(texts: Iterable[str]) -> Counter[str]:
    """In how many texts each word occurs."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(set(_WORD.findall(text.lower())))
    return counts


def risen_words(texts: Iterable[str], reference: Counter[str], most: int = 10) -> tuple[str, ...]:
    """Words of `texts` that are used more than in the reference, the most telling first.

    Args:
        texts: Of a window.
        reference: In how many texts of the reference each word occurs.
        most: At most so many.
    """
    now = count_words(texts)
    words = [word for word, count in now.items() if count > 1]
    if not words:
        return ()
    here = np.array([now[word] for word in words], dtype=np.float64)
    there = np.array([reference.get(word, 0) + _UNSEEN for word in words], dtype=np.float64)
    prior = _PRIOR * there
    log_odds = _log_odds(here + prior, float(now.total()) + prior.sum()) - _log_odds(
        there + prior, float(reference.total()) + len(words) + prior.sum()
    )
    z = log_odds / np.sqrt(1.0 / (here + prior) + 1.0 / (there + prior))
    return tuple([words[i] for i in np.argsort(-z, kind="stable")[:most] if z[i] > _SURE])


def _log_odds(
    counts: "np.ndarray[tuple[int], np.dtype[np.float64]]", total: float
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.log(counts) - np.log(np.maximum(total - counts, 1e-9))
