"""Penalties on a parameter's size, Keras 3.15's formulas; added to the loss once a step."""

from __future__ import annotations

import math

import numpy as np

from fastnn import registry


def get(identifier):
    """The regularizer that a name, class, instance or saved dictionary means; None for none.

    >>> get("l2")
    L2(l2=0.01)
    """
    return registry.get("regularizer", identifier)


class Regularizer:
    """Abstract: penalty l1 * sum|w| + l2 * sum(w^2), gradient l1 * sign(w) + 2 * l2 * w.

    Convention: l2 is the factor of the plain sum of squares, as in Keras; scikit-learn's alpha is
    twice that, divided by the number of rows.
    """

    def __init__(self, l1: float, l2: float):
        self.l1 = _factor("l1", l1)
        self.l2 = _factor("l2", l2)

    def __call__(self, w: np.ndarray) -> float:
        """The penalty of an array, summed in float64."""
        w = np.asarray(w, np.float64)
        return float(self.l1 * np.abs(w).sum() + self.l2 * np.square(w).sum())

    def get_config(self) -> dict:
        """The arguments that make an equal regularizer."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


@registry.register("regularizer")
class L1(Regularizer):
    """l1 * sum|w|.

    >>> L1(0.5)(np.array([1.0, -3.0]))
    2.0
    """

    def __init__(self, l1: float = 0.01):
        super().__init__(l1, 0.0)

    def get_config(self):
        return {"l1": self.l1}


@registry.register("regularizer")
class L2(Regularizer):
    """l2 * sum(w^2).

    >>> L2(0.5)(np.array([1.0, -3.0]))
    5.0
    """

    def __init__(self, l2: float = 0.01):
        super().__init__(0.0, l2)

    def get_config(self):
        return {"l2": self.l2}


@registry.register("regularizer", "l1_l2")
class L1L2(Regularizer):
    """l1 * sum|w| + l2 * sum(w^2).

    >>> L1L2(l1=0.5, l2=0.5)(np.array([1.0, -3.0]))
    7.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        super().__init__(l1, l2)

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


def _factor(name, value) -> float:
    try:
        factor = float(value)
    except (TypeError, ValueError):
        factor = math.nan
    if not 0.0 <= factor < math.inf:
        raise ValueError(f"Expected a finite number, at least 0, for {name}; received {value!r}.")
    return factor
