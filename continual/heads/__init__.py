"""Fast heads: closed forms on an encoder's embeddings, from running sums, that forget nothing by accident.

refit.py   a head from labelled embeddings in one call: after the encoder changed
"""

from .refit import refit, refit_texts

__all__ = ["refit", "refit_texts"]
