"""The package's few settings: the default float type and the number of threads."""

from __future__ import annotations

import functools
import operator
import os
import threading
from contextlib import contextmanager

import numpy as np

_FLOATS = ("float32", "float64")
_settings = {"floatx": "float32", "num_threads": None}
_here = threading.local()  # .share: of the processors, the calling thread's


def floatx() -> str:
    """The float type of models that name none: "float32" (the default) or "float64"."""
    return _settings["floatx"]


def set_floatx(name: str) -> None:
    """Sets the default float type, "float32" or "float64"; models already built keep theirs.

    >>> set_floatx("float64"); floatx()
    'float64'
    >>> set_floatx("float32")
    """
    _settings["floatx"] = standardize_dtype(name).name


def standardize_dtype(dtype=None) -> np.dtype:
    """The NumPy dtype of a name or type; None stands for `floatx`; ValueError if not a known float.

    >>> standardize_dtype()
    dtype('float32')
    """
    try:
        standard = np.dtype(floatx() if dtype is None else dtype)
    except TypeError:
        standard = None
    if standard is None or standard.name not in _FLOATS:
        raise ValueError(f"Expected dtype 'float32' or 'float64'; received {dtype!r}.")
    return standard.newbyteorder("=")


def epsilon() -> float:
    """The small constant of Keras's formulas, 1e-7."""
    return 1e-7


def set_num_threads(n: int | None) -> None:
    """Sets the most threads that training and prediction may use; None chooses automatically.

    The number never changes a result, only the time.

    >>> set_num_threads(1); num_threads()
    1
    >>> set_num_threads(None)
    """
    if n is not None:
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise TypeError(f"Expected a whole number of threads or None; received {n!r}.")
        n = operator.index(n)
        if n < 1:
            raise ValueError(f"Expected at least 1 thread, or None for automatic; received {n}.")
    _settings["num_threads"] = n


def num_threads() -> int:
    """The most threads in use: the set number, or else what this process may use.

    Automatic is the least of OMP_NUM_THREADS, the processors this process may run on and its
    control group's quota. Values that make no sense (0, words) count as absent.
    """
    share = getattr(_here, "share", None)
    if share is not None:
        return share()
    if _settings["num_threads"] is not None:
        return _settings["num_threads"]
    limits = (_environment_limit(), _affinity(), _quota())
    return max(1, min(n for n in limits if n is not None))


@contextmanager
def threads_shared(share):
    """Inside, ``share()`` is the most threads that work of the calling thread may use.

    >>> with threads_shared(lambda: 1):
    ...     num_threads()
    1
    """
    before, _here.share = getattr(_here, "share", None), share
    try:
        yield
    finally:
        _here.share = before


def _environment_limit() -> int | None:
    """OMP_NUM_THREADS; of a list ("4,2": a number for each nesting level) the first counts."""
    try:
        n = int(os.environ.get("OMP_NUM_THREADS", "").split(",")[0])
    except ValueError:
        return None
    return n if n > 0 else None


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache  # reading the files takes longer than training a small model for an epoch
def _quota(root="/sys/fs/cgroup", membership="/proc/self/cgroup") -> int | None:
    """Processors that the control groups (v1 or v2) grant, rounded down; None where unlimited.

    A thread beyond the quota is stopped for the rest of every period while the others wait for it.

    A group is also bound by every group above it. Inside a container the path may name groups
    that only the host can see; those are skipped and the mount's own root counts.
    """
    limits = []
    for line in _read(membership).splitlines():
        if line.count(":") < 2:
            continue
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mount = os.path.join(root, "cpu") if controllers else root
        parts = [part for part in path.split("/") if part not in ("", "..")]
        groups = [os.path.join(mount, *parts[:depth]) for depth in range(len(parts) + 1)]
        limits += [limit for limit in map(_group_limit, groups) if limit is not None]
    return min(limits, default=None)


def _group_limit(group: str) -> int | None:
    """quota / period of one group: "cpu.max" in v2 ("max 100000": no limit), two files in v1."""
    text = _read(os.path.join(group, "cpu.max")) or " ".join(
        _read(os.path.join(group, f"cpu.cfs_{name}_us")) for name in ("quota", "period")
    )
    try:
        quota, period = (int(word) for word in text.split())
    except ValueError:
        return None
    return max(1, quota // period) if quota > 0 and period > 0 else None


def _read(path: str) -> str:
    try:
        with open(path) as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return ""
