"""What runs here, and what else could: ``fastnn.show_config()`` and ``fastnn info``."""

from __future__ import annotations

import platform

import numpy as np

from fastnn import backends, config
from fastnn._version import __version__
from fastnn.backends import loader

_SETS = {"v4": "AVX-512", "v3": "AVX2", "v2": "baseline", "plain": "baseline"}


def installation() -> dict[str, str]:
    """Versions, backend, instruction set and threads, as they would be used now.

    Raises ValueError and ImportError for an environment (``FASTNN_BACKEND``, ``FASTNN_ISA``) that
    asks for what is not there.
    """
    try:
        sets = ", ".join(_SETS[level] for level in loader.available())
        core = f"{_SETS[loader.isa()]} (available: {sets})"
        openmp = "yes" if loader.load().OPENMP else "no, one thread"
    except ImportError as error:
        core, openmp = f"none: {error}", "no"
    return {
        "fastnn": __version__,
        "backend": f"{backends.get().NAME} (available: {', '.join(backends.available())})",
        "instruction set": core,
        "OpenMP": openmp,
        "threads": f"up to {config.num_threads()}",
        "NumPy": np.__version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
    }


def show_config() -> None:
    """Print what runs here: versions, backend, instruction set, threads."""
    for name, value in installation().items():
        print(f"{name:<16} {value}")
