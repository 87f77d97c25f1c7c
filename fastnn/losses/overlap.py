"""Losses of sets that should overlap: segmentation."""

from __future__ import annotations

import numpy as np

from fastnn.losses.base import Loss, pair
from fastnn.losses.rows import EPSILON
from fastnn.plan import Kind
from fastnn.registry import register


class _Overlap(Loss):
    """1 - c I / (a I + b sum t + d sum y + 1e-7) with I = sum t y; ``numbers`` are c, a, b, d."""

    numbers: tuple[float, float, float, float]

    def __init__(self, reduction, name, axis, dtype):
        super().__init__(name, reduction, dtype)
        self.axis = None if axis is None else (
            axis if isinstance(axis, int) else tuple(int(a) for a in axis))
        self.batchwise = axis is None or 0 in np.atleast_1d(axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}

    def rows(self, y_true, y_pred):
        t, y = pair(y_true, y_pred)
        c, a, b, d = (y.dtype.type(number) for number in self.numbers)
        inside = (t * y).sum(axis=self.axis)
        below = a * inside + b * t.sum(axis=self.axis) + d * y.sum(axis=self.axis)
        return 1 - c * inside / (below + y.dtype.type(EPSILON))

    def lower(self, builder, value):
        rank = 1 + len(value.shape)
        axes = range(rank)
        if self.axis is not None:
            axes = {axis + rank if axis < 0 else axis for axis in np.atleast_1d(self.axis).tolist()}
        if not {*range(1, rank)} <= {*axes} <= {*range(rank)}:
            raise ValueError(f"axis={self.axis!r} of the loss {self.name!r}: a model is trained "
                             "with axis=None, over the whole batch, or with all axes but the "
                             f"first, {tuple(range(1, rank))}, for a loss of each row.")
        whole = 0 in axes  # one loss for the batch
        return builder.head(Kind.OVERLAP_LOSS, value, formula=int(whole), numbers=self.numbers,
                            sums=self.sums())


@register("loss")
class Dice(_Overlap):
    """1 - 2 sum t y / (sum t + sum y + 1e-7), over the whole batch or over the axes given.

    With axis=None a batch has one loss, which sample weights multiply by their mean. Sudre et al.
    2017.

    >>> from fastnn.losses import Dice
    >>> round(float(Dice()([[1.0, 1.0, 0.0]], [[1.0, 0.0, 0.0]])), 6)
    0.333333
    """

    numbers = (2.0, 0.0, 1.0, 1.0)

    def __init__(self, reduction="sum_over_batch_size", name=None, axis=None, dtype=None):
        super().__init__(reduction, name, axis, dtype)


@register("loss")
class Tversky(_Overlap):
    """1 - I / (I + alpha sum t (1 - y) + beta sum (1 - t) y + 1e-7) with I = sum t y.

    alpha weighs what is missed, beta what is found wrongly; over the whole batch or over the axes
    given, as `Dice`. Salehi et al. 2017.
    """

    hyper = ("alpha", "beta")

    def __init__(self, alpha=0.5, beta=0.5, reduction="sum_over_batch_size", name=None, axis=None,
                 dtype=None):
        super().__init__(reduction, name, axis, dtype)
        self.alpha, self.beta = float(alpha), float(beta)

    @property
    def numbers(self):
        return (1.0, 1.0 - self.alpha - self.beta, self.alpha, self.beta)
