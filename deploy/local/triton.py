"""Triton on a machine without containers: a real `tritonserver` out of NVIDIA's wheel, in an environment of its own."""

import hashlib
import os
import platform
import sys
import sysconfig
from collections.abc import Sequence
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path
from shutil import copy2

import structlog

from ...schemas.errors import SetupError
from .environments import install_once, packages_of
from .ports import LOOPBACK
from .probe import http_answers
from .report import Report, silent

log = structlog.get_logger(__name__)

# The wheel wants numpy below 2; without their dependencies, which are for training, downloads and its own client.
PINS = ("nvidia-pytriton==0.7.0", "numpy==1.26.4", "onnxruntime==1.31.0", "tokenizers==0.23.3")

_GLIBC = (2, 35)
_STUBS = ((3, 11), (3, 12))  # the wheel has more; ours are those that profilestream runs on
# What the server may see of our environment: no password that was meant for us.
_PASSED = ("HOME", "LANG", "TMPDIR", "TZ", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class TritonEnvironment:
    """A folder with a virtual environment that holds `tritonserver`, its Python backend and what our model imports."""

    folder: Path

    @property
    def bin(self) -> Path:
        """The environment's programs."""
        return self.folder / "bin"

    @property
    def packages(self) -> Path:
        """Where pip installed the wheels."""
        return packages_of(self.folder)

    @property
    def distribution(self) -> Path:
        """Triton's own files: `bin`, `backends`, `caches`."""
        return self.packages / "pytriton" / "tritonserver"


def supported() -> str | None:
    """Why this machine cannot run `tritonserver` from the wheel, or None where it can."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        return f"its wheel is for Linux on x86-64, this is {sys.platform} on {platform.machine()}"
    if _glibc() < _GLIBC:
        return f"its wheel needs glibc 2.35 or newer, this system has {platform.libc_ver()[1] or 'none'}"
    if sys.version_info[:2] not in _STUBS:
        return f"it has no Python backend for Python {_version()}"
    if not _libpython():
        return f"its Python backend needs libpython{_version()}.so.1.0, which this Python was built without"
    if not os.access("/dev/shm", os.W_OK):  # noqa: S108 -- not a temporary file: Triton talks to its models there
        return "it needs shared memory, and /dev/shm cannot be written"
    return None


def prepare_environment(home: Path, report: Report = silent) -> TritonEnvironment:
    """Install Triton below the data home, once; instant afterwards. Two programs at once do not disturb each other.

    Args:
        home: The data home; the environment goes into `home/triton`.
        report: Told once when an installation starts.

    Raises:
        SetupError: This platform has no `tritonserver`, pip could not fetch it, or there is no room for it.
    """
    if reason := supported():
        raise SetupError(f"tritonserver cannot run here: {reason}.\nUse the in-process encoder, or a Triton elsewhere.")
    key = hashlib.sha256("\n".join((*PINS, sys.version, sys.base_prefix)).encode()).hexdigest()[:12]
    environment = TritonEnvironment((home / "triton" / key).absolute())
    install_once(
        environment.folder,
        PINS,
        title="Triton",
        announce=lambda: report("installing Triton Inference Server"),
        finish=lambda: _put_stub(environment),
        options=("--no-deps", "--only-binary=:all:"),
        advice="Check the network, or set PIP_INDEX_URL or PIP_FIND_LINKS to where nvidia-pytriton can be had.",
    )
    return environment


def triton_command(
    environment: TritonEnvironment,
    repository: Path,
    models: Sequence[str],
    grpc_port: int,
    http_port: int,
    metrics_port: int,
) -> tuple[list[str], dict[str, str]]:
    """The command line and the whole environment of a server on loopback that loads `models` and nothing else."""
    distribution = environment.distribution
    arguments = {
        "model-repository": repository,
        "model-control-mode": "explicit",
        "backend-directory": distribution / "backends",
        "grpc-address": LOOPBACK,
        "grpc-port": grpc_port,
        "http-address": LOOPBACK,
        "http-port": http_port,
        "metrics-address": LOOPBACK,
        "metrics-port": metrics_port,
        "strict-readiness": "true",
        "exit-timeout-secs": 5,
        "log-format": "ISO8601",
    }
    command = [str(distribution / "bin" / "tritonserver")]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    # Our config.pbtxt is complete; without this a second process would load each model only to ask it.
    command += ["--disable-auto-complete-config", *(f"--load-model={model}" for model in models)]
    return command, _variables(environment)


async def triton_ready(http_port: int) -> bool:
    """Whether a server on loopback answers that it and all its models are ready; takes a second at most."""
    return await http_answers(http_port, "/v2/health/ready")


def _variables(environment: TritonEnvironment) -> dict[str, str]:
    libraries = [environment.packages / "nvidia_pytriton.libs", *_library_folders()]
    return {
        **{name: os.environ[name] for name in _PASSED if name in os.environ},
        # The Python backend finds its packages through the first python3 on PATH; PYTHONPATH it ignores.
        "PATH": os.pathsep.join([str(environment.bin), os.environ.get("PATH", os.defpath)]),
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
        "PYTHONDONTWRITEBYTECODE": "1",  # the model repository holds what its manifest says
    }


def _put_stub(environment: TritonEnvironment) -> None:
    distribution = environment.distribution
    copy2(
        distribution / "python_backend_stubs" / _version() / "triton_python_backend_stub",
        distribution / "backends" / "python",
    )
    log.info("triton installed", folder=str(environment.folder))


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _glibc() -> tuple[int, ...]:
    name, version = platform.libc_ver()
    return tuple(int(part) for part in version.split(".")) if name == "glibc" else (0,)


def _library_folders() -> list[Path]:
    """Where this Python's own libpython may be: as configured, and, for a Python that was moved, below its prefix."""
    return [Path(sysconfig.get_config_var("LIBDIR") or "/"), Path(sys.base_prefix, "lib")]


def _libpython() -> bool:
    name = f"libpython{_version()}.so.1.0"
    # Distributions put it where the system's loader looks.
    return any((folder / name).exists() for folder in _library_folders()) or bool(find_library(f"python{_version()}"))
