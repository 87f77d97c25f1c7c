"""Functions of single numbers, and of two arrays that are broadcast together.

>>> exp([0, 1]).dtype, maximum([1, 5], 3)
(dtype('float32'), array([3, 5], dtype=int32))
"""

from __future__ import annotations

import math

import numpy as np

from fastnn.ops.types import convert, floats, standardize_dtype, together, typed, words
from fastnn.tracing import Traced

_FLOATS = words("arccos arccosh arcsin arcsinh arctan arctanh cbrt cos cosh deg2rad exp exp2 "
                "expm1 log log10 log1p log2 rad2deg sin sinh sqrt tan tanh i0 sinc")
_SAME = words("absolute conjugate negative sign square real imag")
_TESTS = words("isfinite isinf isnan isneginf isposinf signbit isreal")
_PAIRS = words("add fmax fmin gcd lcm maximum minimum multiply subtract mod floor_divide power "
               "fmod")
_FLOAT_PAIRS = words("arctan2 hypot logaddexp logaddexp2 nextafter true_divide heaviside")
_COMPARISONS = words("equal greater greater_equal less less_equal not_equal")
_BITS = words("bitwise_and bitwise_or bitwise_xor")
_LOGIC = words("logical_and logical_or logical_xor")


def _of_one(name: str, take, kind: str):
    own = getattr(np, name)

    def function(x):
        return own(take(x))

    return _named(function, name, f"``numpy.{name}`` {kind}.")


def _of_two(name: str, kind: str, **options):
    own = getattr(np, name)

    def function(x1, x2):
        return own(*together(x1, x2, **options))

    return _named(function, name, f"``numpy.{name}`` {kind}.")


def _named(function, name: str, doc: str):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def _of_truths(name: str):
    own = getattr(np, name)

    def function(x1, x2):
        return own(np.asarray(x1, bool), np.asarray(x2, bool))

    return _named(function, name, f"``numpy.{name}`` of arrays as truths.")


_ALL = {name: _of_one(name, floats, "of floats") for name in _FLOATS}
_ALL |= {name: _of_one(name, convert, "of an array") for name in _SAME}
_ALL |= {name: _of_one(name, convert, "of an array, as truths") for name in _TESTS}
_ALL |= {name: _of_two(name, "of two arrays of one type") for name in [*_PAIRS, *_COMPARISONS,
                                                                       *_BITS]}
_ALL |= {name: _of_two(name, "of two arrays of floats", floating=True) for name in _FLOAT_PAIRS}
_ALL |= {name: _of_truths(name) for name in _LOGIC}
globals().update(_ALL)

abs, conj, divide = _ALL["absolute"], _ALL["conjugate"], _ALL["true_divide"]


def ceil(x):
    """``numpy.ceil``: floats."""
    return np.ceil(floats(x))


def floor(x):
    """``numpy.floor``: floats."""
    return np.floor(floats(x))


def trunc(x):
    """The number without its fraction; whole numbers as they are."""
    return np.trunc(convert(x))


def fabs(x):
    """The absolute value as floats."""
    return np.fabs(floats(x))


def round(x, decimals=0):
    """Rounded to so many decimals, halves to even."""
    return np.round(convert(x), decimals)


def clip(x, x_min, x_max):
    """Numbers below x_min as x_min, above x_max as x_max."""
    x = convert(x)
    x = x.astype("int32") if x.dtype == bool else x
    return typed(np.clip(x, x_min, x_max), x.dtype)


def reciprocal(x):
    """1 / x, as floats."""
    return 1 / floats(x)


def rsqrt(x):
    """1 / the square root.

    >>> rsqrt([4.0])
    array([0.5], dtype=float32)
    """
    return 1 / np.sqrt(floats(x))


def divide_no_nan(x1, x2):
    """x1 / x2, and 0 where x2 is 0.

    >>> divide_no_nan([1.0, 2.0], [0.0, 4.0])
    array([0. , 0.5], dtype=float32)
    """
    x1, x2 = together(x1, x2, floating=True)
    zero, one = np.dtype(x1.dtype).type(0), np.dtype(x1.dtype).type(1)
    return np.where(x2 == 0, zero, x1 / np.where(x2 == 0, one, x2))


def logical_not(x):
    """Whether a number is 0."""
    return np.logical_not(np.asarray(x, bool))


def bitwise_not(x):
    """Every bit turned."""
    return np.bitwise_not(convert(x))


def left_shift(x, y):
    """x * 2^y of whole numbers."""
    return np.left_shift(*together(x, y))


def right_shift(x, y):
    """x / 2^y of whole numbers, rounded down."""
    return np.right_shift(*together(x, y))


bitwise_invert, bitwise_left_shift, bitwise_right_shift = bitwise_not, left_shift, right_shift


def ldexp(x1, x2):
    """x1 * 2^x2."""
    return np.ldexp(floats(x1), convert(x2))


def isclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False):
    """Where |x1 - x2| <= atol + rtol |x2|."""
    return np.isclose(*together(x1, x2), rtol, atol, equal_nan)


def nan_to_num(x, nan=0.0, posinf=None, neginf=None):
    """The array with numbers in place of NaN and infinity."""
    return np.nan_to_num(convert(x), nan=nan, posinf=posinf, neginf=neginf)


def angle(x):
    """The angle of a complex number; 0 or pi of a real one."""
    return np.angle(floats(x)).astype(floats(x).real.dtype)


def erf(x):
    """The error function, to the last digits of float64.

    Abramowitz & Stegun 1964, 7.1.5 and 7.1.6, summed by Python's ``math.erf``.

    >>> erf([0.0, 1.0]).tolist()
    [0.0, 0.8427007794380188]
    """
    return _by_python(math.erf, x)


def erfc(x):
    """1 - erf(x), small values without loss."""
    return _by_python(math.erfc, x)


def erfinv(x):
    """The inverse of `erf`: the normal distribution's quantile."""
    from fastnn.random import normal_quantile

    x = floats(x)
    p = (np.asarray(x, np.float64) + 1) / 2
    with np.errstate(all="ignore"):
        inside = normal_quantile(np.clip(p, 1e-300, 1 - 2**-53)) / np.sqrt(2)
        edge = np.where(np.abs(x) == 1, np.inf * np.sign(x), np.nan)
    return np.where(np.abs(x) < 1, inside, edge).astype(x.dtype)


def _by_python(function, x):
    x = floats(x)
    if isinstance(x, Traced):
        sign = 1 if function is math.erf else -1
        return x.known(_by_python(function, x.value),
                       sign * 2 / math.sqrt(math.pi) * np.exp(-x.value * x.value))
    found = np.fromiter(map(function, x.ravel().tolist()), np.float64, x.size)
    return found.reshape(x.shape).astype(x.dtype)


def cast(x, dtype):
    """The array in another type.

    >>> cast([1.9], "int32")
    array([1], dtype=int32)
    """
    return convert(x).astype(standardize_dtype(dtype))


def saturate_cast(x, dtype):
    """`cast`, numbers beyond the type's range as its least or greatest."""
    dtype = np.dtype(standardize_dtype(dtype))
    x = convert(x)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        x = np.clip(x.astype(np.float64) if np.dtype(x.dtype).kind == "f" else x.astype(object),
                    limits.min, limits.max)
    return x.astype(dtype)




_OWN = words("abs angle bitwise_invert bitwise_left_shift bitwise_not bitwise_right_shift cast "
             "ceil clip conj divide divide_no_nan erf erfc erfinv fabs floor isclose ldexp "
             "left_shift logical_not nan_to_num reciprocal right_shift round rsqrt saturate_cast "
             "trunc")
__all__ = sorted([*_ALL, *_OWN])
