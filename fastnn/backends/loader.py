"""Chooses the compiled core that suits this processor, once, when it is first needed.

The same sources are built as one module for each instruction set, so that nothing compiled for AVX2
is even loaded before it is known to run: ``_core_v2`` (baseline x86-64 with SSE4.2), ``_core_v3``
(AVX2 and FMA), ``_core_v4`` (AVX-512), and ``_core_plain`` on processors that are not x86-64.

The environment variable ``FASTNN_ISA``, in any case, forces one: ``v2`` or ``baseline``, ``v3`` or
``avx2``, ``v4`` or ``avx512``, ``plain``.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from types import ModuleType

LEVELS = ("v4", "v3", "v2", "plain")  # best first
ALIASES = {"avx512": "v4", "avx2": "v3", "baseline": "v2"}


@cache
def load() -> ModuleType:
    """The core's module, imported by the first call.

    Raises ImportError when no core was built or none runs here, ValueError for a ``FASTNN_ISA``
    that cannot be had.

    >>> load().__name__ == f"fastnn.backends._core_{isa()}"
    True
    """
    from importlib import import_module

    return import_module(f"fastnn.backends._core_{isa()}")


@cache
def isa() -> str:
    """The instruction set of the core in use: ``"v4"``, ``"v3"``, ``"v2"`` or ``"plain"``.

    Raises as :func:`load` does.

    >>> isa() in available()
    True
    """
    built = _built()
    return choose(os.environ.get("FASTNN_ISA", ""), built, _supported() if built else ())


@cache
def available() -> tuple[str, ...]:
    """The instruction sets that were built and that this processor has, best first.

    >>> set(available()) <= {"v4", "v3", "v2", "plain"}
    True
    """
    return tuple(level for level in _built() if level in _supported())


def choose(forced: str, built: tuple[str, ...], supported: tuple[str, ...]) -> str:
    """The level to use: the forced one, or else the best that is both built and supported.

    >>> choose("", built=("v4", "v3", "v2"), supported=("v3", "v2", "plain"))
    'v3'
    >>> choose("Baseline", built=("v4", "v3", "v2"), supported=("v3", "v2", "plain"))
    'v2'
    """
    if not built:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise ImportError(
            f"fastnn's compiled core is not built for this Python ({version}): run `pip install .` "
            "(or `pip install -e .`) in the source tree, which needs gcc or clang, or use another "
            "backend, for example with the environment variable FASTNN_BACKEND=numpy"
        )
    usable = [level for level in supported if level in built]
    if not usable:
        raise ImportError(
            f"fastnn's compiled core was built for {_listed(built)}, but this processor runs only "
            f"{_listed(supported)}: build it here with `pip install .` in the source tree, or use "
            "another backend, for example with the environment variable FASTNN_BACKEND=numpy"
        )
    if not forced.strip():
        return usable[0]
    level = forced.strip().lower()
    level = ALIASES.get(level, level)
    if level in usable:
        return level
    if level not in LEVELS:
        reason = "is no instruction set that fastnn knows"
    elif level not in supported:
        reason = "is not supported by this processor"
    else:
        reason = "was not built in this installation"
    raise ValueError(
        f"FASTNN_ISA={forced} {reason}: set it to one of {_listed(usable)}, or unset it to get "
        f"the best, {usable[0]}"
    )


@cache
def _supported() -> tuple[str, ...]:
    from fastnn.backends import _cpu

    return _cpu.levels()


@cache
def _built() -> tuple[str, ...]:
    from importlib.util import find_spec

    return tuple(level for level in LEVELS if find_spec(f"fastnn.backends._core_{level}"))


def _listed(levels) -> str:
    return " or ".join(levels)
