"""The learning rate over a run: up in a line, then down in a line."""


def rate_at(step: int, total: int, warm_up: float) -> float:
    """The share of the highest rate at `step`, from 0 on; never 0, so that each step teaches something."""
    rising = max(1, round(total * warm_up))
    if step < rising:
        return (step + 1) / rising
    return (total - step) / max(1, total - rising)
