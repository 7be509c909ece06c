"""Processor time by part: on a machine that others use, it says more than the clock."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

import psutil


class Meter:
    """Processor seconds of processes and all their children, since the meter was made.

    Args:
        parts: Name of a part and the ids of its processes; `bench` is this process.
    """

    def __init__(self, parts: Mapping[str, Iterable[int]]) -> None:
        self._parts = {name: list(ids) for name, ids in parts.items()} | {"bench": [os.getpid()]}
        self._before = {name: _seconds(ids, children=name != "bench") for name, ids in self._parts.items()}

    def seconds(self) -> dict[str, float]:
        """By part."""
        return {name: _seconds(ids, children=name != "bench") - self._before[name] for name, ids in self._parts.items()}


def _seconds(ids: Iterable[int], *, children: bool) -> float:
    total = 0.0
    for number in ids:
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(number)
            for one in [process, *(process.children(recursive=True) if children else [])]:
                with suppress(psutil.NoSuchProcess):
                    used = one.cpu_times()
                    total += used.user + used.system
    return total
