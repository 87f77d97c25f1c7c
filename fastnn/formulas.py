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

__all__ = ["Formula", "abs", "arguments", "as_real", "exp", "expm1", "log", "log1p", "lowers",
           "maximum", "minimum", "sqrt", "tanh", "where"]

NAMES = ("abs", "exp", "expm1", "log", "log1p", "maximum", "minimum", "sqrt", "tanh", "where")


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
