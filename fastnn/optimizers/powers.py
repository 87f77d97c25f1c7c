"""Powers with the same bits on every processor: those of NumPy depend on its instruction set."""

from __future__ import annotations

import math

import numpy as np

_LONGEST = 1 << 20  # exponents that a table holds
_tables: dict[float, np.ndarray] = {}


def power(base, exponent) -> np.ndarray:
    """base ** exponent, the C library's numbers; either may be an array.

    Whole exponents of one base, such as an optimizer's steps, are looked up.

    >>> power(0.5, np.arange(4.0))
    array([1.   , 0.5  , 0.25 , 0.125])
    >>> power(np.array([0.0, 0.25]), 0.5)
    array([0. , 0.5])
    """
    exponents = np.asarray(exponent, np.float64)
    if np.ndim(base) or not exponents.size:
        return _each(base, exponents)
    whole = exponents.astype(np.int64)
    if (whole != exponents).any() or whole.min() < 0 or whole.max() >= _LONGEST:
        return _each(base, exponents)
    return _table(float(base), int(whole.max()))[whole]


def _each(base, exponents) -> np.ndarray:
    bases, exponents = np.broadcast_arrays(np.asarray(base, np.float64), exponents)
    found = [_one(b, e) for b, e in zip(bases.ravel().tolist(), exponents.ravel().tolist(),
                                        strict=True)]  # fmt: skip
    return np.array(found, np.float64).reshape(bases.shape)


def _one(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:  # a negative number's root
        return math.nan


def _table(base: float, last: int) -> np.ndarray:
    """base ** 0, base ** 1, ... up to ``last`` at least."""
    table = _tables.get(base, np.empty(0))
    if len(table) <= last:
        length = max(64, min(2 * last + 1, _LONGEST))
        more = [_one(base, float(i)) for i in range(len(table), length)]
        table = _tables[base] = np.append(table, more)
    return table
