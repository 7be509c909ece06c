"""How many cores this process may really use."""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores(quota: Path = _QUOTA) -> int:
    """The cores this process may run on, within the container's CPU quota; more threads than that only fight.

    Args:
        quota: The cgroup v2 file `cpu.max`: `<quota> <period>` in microseconds, or `max <period>`.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        allowed, period = quota.read_text().split()
        return max(1, min(cores, round(int(allowed) / int(period))))
    except (OSError, ValueError):  # no cgroup v2 here, or no quota ("max")
        return cores
