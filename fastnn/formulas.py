"""Formulas: straight-line functions of scalars, written once in Python.

An activation, an elementwise loss and an optimizer's update are each a few lines of arithmetic. The
NumPy backend calls them on arrays as they stand; ``fastnn._render`` prints the very same lines as
Numba and as Cython loops. A formula may use ``+ - * /``, comparisons, numbers, its arguments, local
names and the functions below, and nothing else.

``maximum`` and ``minimum`` hand on a NaN of their *first* argument: put the data first.
"""

from __future__ import annotations

import numpy as np
from numpy import abs, exp, expm1, log, log1p, maximum, minimum, sqrt, tanh, where

__all__ = ["Formula", "abs", "arguments", "as_real", "erf", "exp", "expm1", "log", "log1p",
           "lowers", "maximum", "minimum", "sqrt", "tanh", "where"]

NAMES = ("abs", "erf", "exp", "expm1", "log", "log1p", "maximum", "minimum", "sqrt", "tanh",
         "where")


def arguments(function) -> tuple[str, ...]:
    """The names of a function's positional arguments, in order.

    >>> arguments(lambda dy, y: dy)
    ('dy', 'y')
    """
    code = function.__code__
    return code.co_varnames[: code.co_argcount]


def lowers(thing) -> bool:
    """Whether a plan does what calling ``thing`` does: not if a subclass has its own ``__call__``.

    >>> from fastnn.constraints import MaxNorm
    >>> class Mine(MaxNorm):
    ...     def __call__(self, w):
    ...         return w
    >>> lowers(MaxNorm()), lowers(Mine())
    (True, False)
    """
    for cls in type(thing).__mro__:
        if vars(cls).keys() & {"lower", "__call__"}:
            return "lower" in vars(cls)
    return False


# erf(x) = x + x Q(x^2) for |x| < 1, and beyond sign(x) (1 - exp(-P(|x|))) with P = -log(1 - erf):
# polynomials by Remez' exchange, highest power first, as in src_cy/mathfn.h
_Q = (
    -7.801188874097751e-10, 1.3722976265924504e-08, -1.6209175911748696e-07,
    1.6447517677871873e-06, -1.4924744663335489e-05, 0.00012055295320494294,
    -0.0008548325989696758, 0.005223977607423468, -0.02686617064327622, 0.11283791670945253,
    -0.3761263890318355, 0.12837916709551256,
)
_P = (
    4.865127287678054e-12, -2.0203539053801375e-10, 3.890034723976098e-09,
    -4.59334633634999e-08, 3.695674015812812e-07, -2.1148106778668287e-06, 8.5788240703768e-06,
    -2.2532994628049817e-05, 1.9523087719997376e-05, 0.00013655575040841242,
    -0.0007730457400513014, 0.0019189491781446953, -0.00041354024650158477,
    -0.018988039151315046, 0.10270228814532745, 0.6366440557518054, 1.1283739915529398,
    5.132592032685601e-07,
)


def erf(x):
    """The error function 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, to about 1 ulp.

    >>> erf(np.array([-np.inf, -0.0, 0.5]))
    array([-1.        , -0.        ,  0.52049988])
    """
    given = np.asarray(x)
    x = minimum(maximum(given.astype(np.float64), -6.0), 6.0)  # beyond it is 1 to the last bit
    a, square = abs(x), x * x
    q, p = np.zeros_like(x), np.zeros_like(x)
    for c in _Q:
        q = q * square + c
    for c in _P:
        p = p * a + c
    y = where(a < 1, x + x * q, np.copysign(1 - exp(-p), x))
    return y.astype(given.dtype) if given.dtype == np.float32 else y


class Formula:
    """A scalar formula's place in the plan: its numbers and its code.

    ``hyper`` names the attributes that follow the fixed arguments of the formula's functions, in
    order; :meth:`values` is what the plan stores of them.
    """

    hyper: tuple[str, ...] = ()

    def values(self) -> tuple[float, ...]:
        """The hyperparameters' values, in the order in which the functions take them."""
        return tuple(float(getattr(self, name)) for name in self.hyper)

    def get_config(self) -> dict:
        """What rebuilds the object: its hyperparameters."""
        return {name: getattr(self, name) for name in self.hyper}

    @classmethod
    def from_config(cls, config: dict):
        """The object that ``get_config`` described."""
        return cls(**config)

    def __repr__(self) -> str:
        settings = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({settings})"


def as_real(x) -> np.ndarray:
    """``x`` as an array of a floating type: float32 and float64 stay, all else becomes float64."""
    x = np.asarray(x)
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)
