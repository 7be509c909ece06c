"""What a run tells while it goes on: for TensorBoard, or for nobody."""

from pathlib import Path
from typing import Protocol


class Events(Protocol):
    """Takes figures of a run."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Take one figure."""


class NoEvents:
    """Takes figures and forgets them."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Forget it."""


class TensorBoard:
    """Writes figures for `tensorboard --logdir FOLDER`.

    Args:
        folder: Made where there is none.
    """

    def __init__(self, folder: Path) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter  # noqa: PLC0415 - slow to import, and seldom used

        self._writer = SummaryWriter(str(folder))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Write one figure."""
        self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
