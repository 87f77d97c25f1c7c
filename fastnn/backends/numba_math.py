"""What the printed formulas call: ``njit`` with the project's options, and functions of a scalar.

All of them compute in the type of their argument: float32 stays float32.
"""

from __future__ import annotations

import math

try:
    import numba
except ImportError as error:
    raise ImportError(
        'The numba backend needs Numba: `pip install "fastnn[numba]"`, or choose another backend, '
        "for example with the environment variable FASTNN_BACKEND=numpy."
    ) from error

# NumPy's error model: a division by zero is inf or NaN, not an exception.
# Nothing is allocated, so there are no references to count: half the time to compile.
OPTIONS = {"nogil": True, "error_model": "numpy", "_nrt": False}
# What only compiled code calls needs no way in from Python or C.
INNER = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

njit = numba.njit(**INNER)


@njit
def abs_(x):
    return abs(x)


@njit
def erf_(x):
    return math.erf(x)


@njit
def exp_(x):
    return math.exp(x)


@njit
def expm1_(x):
    return math.expm1(x)


@njit
def log_(x):
    return math.log(x)


@njit
def log1p_(x):
    return math.log1p(x)


@njit
def maximum_(x, y):
    """The larger one; NaN if x, the data, is NaN."""
    return y if x < y else x


@njit
def minimum_(x, y):
    """The smaller one; NaN if x, the data, is NaN."""
    return y if x > y else x


@njit
def sqrt_(x):
    return math.sqrt(x)


@njit
def tanh_(x):
    return math.tanh(x)
