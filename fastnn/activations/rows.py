"""Activations of the last axis as a whole: ops of their own in the plan.

``forward`` and ``backward`` take arrays whose rows are that axis.
"""

from __future__ import annotations

import operator

import numpy as np

from fastnn.activations.base import Activation
from fastnn.formulas import as_real
from fastnn.registry import register


class RowWise(Activation):
    """A function of a whole axis (abstract); ``kind`` is the name of its op.

    axis : the axis of arrays that are called with; in a layer it must be the last one.
    """

    elementwise = False
    kind: str

    def __init__(self, axis: int = -1):
        self.axis = operator.index(axis)

    def get_config(self):
        return {"axis": self.axis}

    def output_shape(self, shape):
        if self.axis not in (-1, len(shape)):  # axis 0 is the batch's
            raise ValueError(f"{self!r} in a layer takes the last axis (axis=-1), received rows "
                             f"of shape {shape}.")
        return shape

    def __call__(self, x):
        """The function of every row along ``axis``."""
        if hasattr(x, "through"):  # it is being differentiated: see fastnn.tracing
            return x.through(self)
        z = as_real(x)
        if not -z.ndim <= self.axis < z.ndim:
            raise ValueError(f"{self!r} expects an array that has this axis, received {z.shape}.")
        self.check_size(z.shape[self.axis])
        with np.errstate(all="ignore"):
            return np.moveaxis(self.forward(np.moveaxis(z, self.axis, -1)), -1, self.axis)

    def check_size(self, size: int) -> None:
        """A ValueError for an axis that the function cannot take."""

    def derivative(self, x):
        """Not there: every output depends on the whole axis. See ``backward``."""
        raise TypeError(f"{self!r} has a matrix of derivatives for each row; use backward(dy, y).")


@register("activation")
class Softmax(RowWise):
    """y_j = exp(z_j) / sum_i exp(z_i) over the last axis; each row is shifted by its largest z.

    dz_j = y_j (dy_j - sum_i dy_i y_i).
    """

    kind = "SOFTMAX"

    @staticmethod
    def forward(z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    @staticmethod
    def backward(dy, y):
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


@register("activation")
class LogSoftmax(RowWise):
    """y_j = z_j - log sum_i exp(z_i); dz_j = dy_j - exp(y_j) sum_i dy_i."""

    kind = "LOG_SOFTMAX"

    @staticmethod
    def forward(z):
        z = z - z.max(axis=-1, keepdims=True)
        return z - np.log(np.exp(z).sum(axis=-1, keepdims=True))

    @staticmethod
    def backward(dy, y):
        return dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)


@register("activation")
class Sparsemax(RowWise):
    """The point of the simplex (y >= 0, sum y = 1) nearest to z: y_j = max(z_j - tau, 0).

    dz_j = dy_j - the mean of dy over the support, 0 outside it. Martins & Astudillo 2016, eq. 3 and
    11. tau is found by Michelot's rounds (1986): numbers below it leave, until none does.
    """

    kind = "SPARSEMAX"

    @staticmethod
    def forward(z):
        z = z - z.max(axis=-1, keepdims=True)
        tau, count = np.full_like(z[..., :1], -1.0), -1.0  # at most 1 is given to the largest
        while True:
            support = z > tau
            before, count = count, support.sum(axis=-1, keepdims=True)
            if np.all(count == before):
                return np.maximum(z - tau, 0)
            total = np.where(support, z, 0).sum(axis=-1, keepdims=True)
            tau = np.maximum((total - 1) / count.astype(z.dtype), tau)

    @staticmethod
    def backward(dy, y):
        support = y > 0
        mean = np.where(support, dy, 0).sum(axis=-1, keepdims=True) / support.sum(
            axis=-1, keepdims=True).astype(y.dtype)
        return np.where(support, dy - mean, 0)


@register("activation")
class GLU(RowWise):
    """y = a sigmoid(b) for the halves a, b of the last axis. Dauphin et al. 2017, eq. 1."""

    kind = "GLU"

    def check_size(self, size):
        if size % 2:
            raise ValueError(f"glu halves its axis, which must be even; received {size} numbers.")

    def output_shape(self, shape):
        shape = super().output_shape(shape)
        self.check_size(shape[-1])
        return (*shape[:-1], shape[-1] // 2)

    @staticmethod
    def forward(z):
        a, b = np.split(z, 2, axis=-1)
        return a / (1 + np.exp(-b))

    @staticmethod
    def backward(dy, y, z):
        a, b = np.split(z, 2, axis=-1)
        s = 1 / (1 + np.exp(-b))
        return np.concatenate([dy * s, dy * (a * s * (1 - s))], axis=-1)
