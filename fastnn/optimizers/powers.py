"""Powers with the same bits on every processor: those of NumPy depend on its instruction set."""

from __future__ import annotations

import math

import numpy as np

_LONGEST = 1 << 20  # steps that a table holds
_MOST = 16  # tables
_tables: dict[float, np.ndarray] = {}


def power(base, exponent) -> np.ndarray:
    """base ** exponent, the C library's numbers; either may be an array.

    >>> power(np.array([0.0, 0.25]), 0.5)
    array([0. , 0.5])
    """
    bases, exponents = np.broadcast_arrays(np.asarray(base, np.float64), exponent)
    found = [_one(b, e) for b, e in zip(bases.ravel().tolist(), exponents.ravel().tolist(),
                                        strict=True)]  # fmt: skip
    return np.array(found, np.float64).reshape(bases.shape)


def power_of_steps(base: float, t) -> np.ndarray:
    """The same for an optimizer's steps t, whole numbers from 0 in rising order: looked up.

    >>> power_of_steps(0.5, np.arange(4.0))
    array([1.   , 0.5  , 0.25 , 0.125])
    """
    last = int(t[-1] if np.ndim(t) else t)
    if last >= _LONGEST:
        return power(base, t)
    table = _tables.get(base)
    if table is None or len(table) <= last:
        table = _table(base, last)
    return table[np.asarray(t, np.int64)]


def _one(base: float, exponent: float) -> float:
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf
    except ValueError:  # a negative number's root
        return math.nan


def _table(base: float, last: int) -> np.ndarray:
    """base ** 0, base ** 1, ... up to ``last`` at least."""
    if len(_tables) >= _MOST:  # a search over rates of decay would fill the memory
        _tables.clear()
    table = _tables.get(base, np.empty(0))
    length = max(64, min(2 * last + 1, _LONGEST))
    more = [_one(base, float(i)) for i in range(len(table), length)]
    table = _tables[base] = np.append(table, more)
    return table
