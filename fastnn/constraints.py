"""Constraints: what is done to a parameter after every update, Keras 3.15's formulas.

A constraint is called with an array and gives the one to take its place:

>>> MaxNorm(1.0)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(6)
array([[0.6, 0.3],
       [0.8, 0.4]])

One's own is a subclass of `Constraint`. Training then stops at every step to call it; those of
this module run inside the compiled stretch.

>>> class Symmetric(Constraint):
...     def __call__(self, w):
...         return (w + w.T) / 2
"""

from __future__ import annotations

import math
import operator

import numpy as np

from fastnn import config, registry


def get(identifier):
    """The constraint that a name, class, instance or saved dictionary means; None for none.

    >>> get("max_norm")
    MaxNorm(max_value=2, axis=0)
    """
    return registry.get("constraint", identifier)


def serialize(constraint) -> dict | None:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back."""
    return registry.serialize(constraint)


def deserialize(config: dict):
    """The constraint that a dictionary of `serialize` describes."""
    return get(config)


class Constraint:
    """``constraint(w)`` is the array, of w's shape, that takes the place of w; here w itself.

    A subclass overrides ``__call__``, and ``get_config`` if it has arguments.
    """

    def __call__(self, w) -> np.ndarray:
        return w

    def get_config(self) -> dict:
        """The arguments that make an equal constraint."""
        return {}

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@registry.register("constraint")
class NonNeg(Constraint):
    """max(w, 0).

    >>> NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w):
        return np.maximum(_array(w), 0)

    def lower(self, builder, variable) -> None:
        """Append it to a plan, behind the update."""
        builder.non_negative(variable.offset, variable.size)


class NormConstraint(Constraint):
    """Abstract: w * desired / (1e-7 + norm), desired being the norm moved into [low, high].

    desired = rate * clip(norm, low, high) + (1 - rate) * norm. The norms are Euclidean and taken
    along ``axis``: 0, for the kernel (inputs, units) of a dense layer, is one of each unit's
    weights. 1e-7 is Keras's epsilon: a norm of exactly ``high`` comes out smaller by as much.

    axis : int, several neighbouring ones, or None for all.
    """

    low: float
    high: float
    rate = 1.0

    def __init__(self, axis):
        self.axis = _axis(axis)

    def __call__(self, w):
        w = _array(w)
        return bound_norms(w.reshape(self.extents(w.shape)), self.low, self.high,
                           self.rate).reshape(w.shape)

    def lower(self, builder, variable) -> None:
        """Append it to a plan, behind the update."""
        builder.bound_norms(variable.offset, self.extents(variable.shape),
                            (self.low, self.high, self.rate, config.epsilon()))

    def extents(self, shape: tuple) -> tuple[int, int, int]:
        """How many numbers there are in front of the axes, along them, and behind them."""
        rank = len(shape)
        axes = range(rank) if self.axis is None else np.atleast_1d(self.axis).tolist()
        if any(not -rank <= axis < rank for axis in axes):
            raise ValueError(f"{self!r} has no such axis in a parameter of shape {shape}.")
        axes = sorted(axis % rank for axis in axes)
        if axes != list(range(axes[0], axes[0] + len(axes))):
            raise ValueError(f"The axes of {self!r} must be neighbours in a parameter of shape "
                             f"{shape}.")
        first, behind = axes[0], axes[-1] + 1
        return math.prod(shape[:first]), math.prod(shape[first:behind]), math.prod(shape[behind:])


@registry.register("constraint")
class MaxNorm(NormConstraint):
    """Norms of at most max_value. Srivastava et al. 2014, section 5.1."""

    def __init__(self, max_value: float = 2, axis=0):
        super().__init__(axis)
        self.max_value = _bound("max_value", max_value)
        self.low, self.high = 0.0, float(self.max_value)

    def get_config(self):
        return {"max_value": self.max_value, "axis": self.axis}


@registry.register("constraint")
class UnitNorm(NormConstraint):
    """Norms of 1."""

    low = high = 1.0

    def __init__(self, axis=0):
        super().__init__(axis)

    def get_config(self):
        return {"axis": self.axis}


@registry.register("constraint")
class MinMaxNorm(NormConstraint):
    """Norms between min_value and max_value, or moved there by the share ``rate`` a step."""

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis=0):
        super().__init__(axis)
        self.min_value = _bound("min_value", min_value)
        self.max_value = _bound("max_value", max_value)
        self.rate = _bound("rate", rate)
        self.low, self.high = float(self.min_value), float(self.max_value)
        if self.low > self.high:
            raise ValueError(f"Expected min_value to be at most max_value; received "
                             f"{min_value!r} and {max_value!r}.")

    def get_config(self):
        return {"min_value": self.min_value, "max_value": self.max_value, "rate": self.rate,
                "axis": self.axis}


def bound_norms(w: np.ndarray, low, high, rate, epsilon=None) -> np.ndarray:
    """`NormConstraint`'s formula for w (a, b, c) with norms along b; they are summed in float64."""
    real = w.dtype.type
    low, high, rate = real(low), real(high), real(rate)
    epsilon = real(config.epsilon() if epsilon is None else epsilon)
    norms = np.sqrt(np.square(w, dtype=np.float64).sum(axis=1, keepdims=True)).astype(w.dtype)
    desired = np.clip(norms, low, high)
    if rate != 1:  # at 1 the other term would be 0, or NaN for an infinite norm
        desired = rate * desired + (1 - rate) * norms
    return w * (desired / (epsilon + norms))


# Keras's names of the classes as functions
max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm


def _array(w) -> np.ndarray:
    w = np.asarray(w)
    return w if w.dtype.kind == "f" else w.astype(config.floatx())


def _axis(axis):
    """None, an int, or a list of them, as JSON has it."""
    if isinstance(axis, (tuple, list)) and axis:
        return [operator.index(one) for one in axis]
    return None if axis is None else operator.index(axis)


def _bound(name, value):
    """The value itself, which may be an int, for get_config."""
    try:
        valid = 0 <= float(value) < math.inf
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(f"Expected a finite number, at least 0, for {name}; received {value!r}.")
    return value
