"""Fine-tune on each task and hope for the best: the lower bound."""

from .tuned import Tuned


class Naive(Tuned):
    """Plain fine-tuning, which forgets nearly everything (McCloskey and Cohen, 1989)."""
