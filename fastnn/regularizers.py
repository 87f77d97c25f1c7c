"""Penalties on the size of parameters or outputs, Keras 3.15's formulas; added to the loss."""

from __future__ import annotations

import math

import numpy as np

from fastnn import config, registry


def get(identifier):
    """The regularizer that a name, class, instance or saved dictionary means; None for none.

    >>> get("l2")
    L2(l2=0.01)
    """
    return registry.get("regularizer", identifier)


def serialize(regularizer) -> dict | None:
    """``{"class_name": ..., "config": ...}``, which `deserialize` turns back."""
    return registry.serialize(regularizer)


def deserialize(config: dict):
    """The regularizer that a dictionary of `serialize` describes."""
    return get(config)


class Regularizer:
    """Abstract: called with an array, it gives the penalty, a float.

    A subclass says in ``lower`` how a plan adds the penalty of a variable and its gradient to the
    loss, by means of the ops there are, and in ``lower_activity`` how that of a layer's output.
    """

    def __call__(self, w) -> float:
        raise NotImplementedError

    def lower(self, builder, variable) -> None:
        """Append the penalty of a variable to the plan, once a step."""
        raise TypeError(f"The regularizer {type(self).__name__} defines no lower(), so its "
                        "gradient is not known.")

    def lower_activity(self, builder, value):
        """Append the penalty of a value of the network; the value that takes its place."""
        raise ValueError(f"{self!r} cannot be an activity_regularizer: L1, L2 and L1L2 can.")

    def get_config(self) -> dict:
        """The arguments that make an equal regularizer."""
        raise NotImplementedError

    @classmethod
    def from_config(cls, config: dict):
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


class SizeRegularizer(Regularizer):
    """Abstract: penalty l1 * sum|w| + l2 * sum(w^2), gradient l1 * sign(w) + 2 * l2 * w.

    Of a layer's output (n rows) the penalty is divided by n, as in Keras; row weights do not count.

    Convention: l2 is the factor of the plain sum of squares, as in Keras; scikit-learn's alpha is
    twice that, divided by the number of rows.
    """

    def __init__(self, l1, l2):
        self.l1 = _factor("l1", l1)
        self.l2 = _factor("l2", l2)

    def __call__(self, w) -> float:
        """The penalty of an array, summed in float64."""
        w = np.asarray(w, np.float64)
        return float(self.l1 * np.abs(w).sum() + self.l2 * np.square(w).sum())

    def lower(self, builder, variable):
        builder.penalty(variable.offset, variable.size, self.l1, self.l2)

    def lower_activity(self, builder, value):
        return builder.activity_penalty(value, self.l1, self.l2)


@registry.register("regularizer")
class L1(SizeRegularizer):
    """l1 * sum|w|.

    >>> L1(0.5)(np.array([1.0, -3.0]))
    2.0
    """

    def __init__(self, l1: float = 0.01):
        super().__init__(0.01 if l1 is None else l1, 0.0)

    def get_config(self):
        return {"l1": self.l1}


@registry.register("regularizer")
class L2(SizeRegularizer):
    """l2 * sum(w^2).

    >>> L2(0.5)(np.array([1.0, -3.0]))
    5.0
    """

    def __init__(self, l2: float = 0.01):
        super().__init__(0.0, 0.01 if l2 is None else l2)

    def get_config(self):
        return {"l2": self.l2}


@registry.register("regularizer", "l1_l2")
class L1L2(SizeRegularizer):
    """l1 * sum|w| + l2 * sum(w^2).

    >>> L1L2(l1=0.5, l2=0.5)(np.array([1.0, -3.0]))
    7.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0):
        super().__init__(0.0 if l1 is None else l1, 0.0 if l2 is None else l2)

    def get_config(self):
        return {"l1": self.l1, "l2": self.l2}


@registry.register("regularizer")
class OrthogonalRegularizer(Regularizer):
    """factor * the mean of |u_i . u_j| over all pairs of different rows i, j of a matrix.

    u_i is row i divided by its norm (by 1e-7 if that is larger). Brock et al. 2017 have the squares
    instead; this is Keras's formula.

    mode : "rows" or "columns", which are to be orthogonal.

    >>> OrthogonalRegularizer(0.5)(np.array([[1.0, 0.0], [3.0, 4.0]]))
    0.3
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = _factor("factor", factor)
        if mode not in ("rows", "columns"):
            raise ValueError(f"Expected mode to be 'rows' or 'columns'; received {mode!r}.")
        self.mode = mode

    def __call__(self, w) -> float:
        w = np.asarray(w, np.float64)
        self._check(w.shape)
        return orthogonality(w if self.mode == "rows" else w.T, self.factor)[0]

    def lower(self, builder, variable):
        self._check(variable.shape)
        builder.orthogonality(variable.offset, variable.shape, self.factor, self.mode == "columns")

    def _check(self, shape) -> None:
        if len(shape) != 2 or shape[self.mode == "columns"] < 2:
            raise ValueError(f"OrthogonalRegularizer needs a matrix of at least two {self.mode}; "
                             f"received shape {tuple(shape)}.")

    def get_config(self):
        return {"factor": self.factor, "mode": self.mode}


def orthogonality(W: np.ndarray, factor: float, epsilon=None) -> tuple[float, np.ndarray]:
    """The penalty of the rows of W (n, k), and its gradient.

    With P = U U^T without its diagonal and c = factor / (n (n - 1)), the penalty is c sum|P|, and
    its gradient by U is G = 2 c sign(P) U. By W it is what of G is at right angles to U, divided by
    the norms; where a norm is below epsilon (None: `config.epsilon()`), G / epsilon.
    """
    epsilon = config.epsilon() if epsilon is None else epsilon
    W = np.asarray(W, np.float64)
    norms = np.sqrt(np.square(W).sum(axis=1, keepdims=True))
    short = norms < epsilon
    norms = np.where(short, epsilon, norms)
    U = W / norms
    P = U @ U.T
    np.fill_diagonal(P, 0.0)
    c = factor / (len(W) * (len(W) - 1))
    G = 2 * c * (np.sign(P) @ U)
    along = np.where(short, 0.0, (G * U).sum(axis=1, keepdims=True))
    return float(c * np.abs(P).sum()), (G - along * U) / norms


# Keras's names of the classes as functions
l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def _factor(name, value) -> float:
    try:
        factor = float(value)
    except (TypeError, ValueError):
        factor = math.nan
    if not 0.0 <= factor < math.inf:
        raise ValueError(f"Expected a finite number, at least 0, for {name}; received {value!r}.")
    return factor
