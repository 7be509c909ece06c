"""Fast heads: closed forms on an encoder's embeddings, from running sums, that forget nothing by accident.

head.py          the learner of one task: update, subtract, merge, solve
sums.py          counts, sums and second moments of labelled texts, exact to the last bit
sample.py        an even sample of the texts, to compare and calibrate by
method.py        what a closed form is: means.py, lda.py, random_ridge.py, and automatic.py, which chooses
calibration.py   odds against "none of them", from texts that the map had not seen
refit.py         a head from labelled embeddings in one call: after the encoder changed
"""

from .head import FastHead
from .refit import refit, refit_texts

__all__ = ["FastHead", "refit", "refit_texts"]
