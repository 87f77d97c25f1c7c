"""Losses with a margin: what is on its right side by enough costs nothing."""

from __future__ import annotations

import numpy as np

from fastnn.formulas import maximum, where
from fastnn.losses.base import ElementwiseLoss, Loss, flat, pair
from fastnn.losses.rows import categorical_hinge_loss
from fastnn.plan import Kind
from fastnn.registry import register


class _Binary(ElementwiseLoss):
    """Labels are -1 and 1, or 0 and 1: a 0 means -1.

    Keras turns 0 and 1 into -1 and 1 where a batch holds nothing else, and takes other numbers as
    they are. Labels that mix 0 with others would mean one thing or the other by the batch they
    fall into: in training they are an error.
    """

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)

    def rows(self, y_true, y_pred):
        t, y = pair(y_true, y_pred)
        if np.isin(t, (0, 1)).all():
            return super().rows(t, y)
        # nowhere 0, or else 0 is a number like others: a tiny one is the same to the formula
        return super().rows(np.where(t == 0, np.finfo(t.dtype).smallest_subnormal, t), y)

    def check_targets(self, T, name):
        if (T == 0).any() and not np.isin(T, (0, 1)).all():
            raise ValueError(f"{name} mixes 0 with numbers other than 1, but the loss "
                             f"{self.name!r} takes the labels -1 and 1, or 0 and 1.")


@register("loss")
class Hinge(_Binary):
    """max(1 - t y, 0), averaged over the outputs; t is -1 or 1 (0 means -1).

    >>> from fastnn.losses import Hinge
    >>> Hinge().rows([[1.0], [0.0]], [[0.25], [-3.0]])
    array([0.75, 0.  ])
    """

    @staticmethod
    def value(t, y):
        s = where(t == 0.0, -1.0, t)
        return maximum(1.0 - s * y, 0.0)

    @staticmethod
    def gradient(t, y):
        s = where(t == 0.0, -1.0, t)
        return where(s * y < 1.0, -s, 0.0)


@register("loss")
class PerceptronLoss(_Binary):
    """max(-t y, 0), *summed* over the outputs; t is -1 or 1 (0 means -1).

    A step on one row is the perceptron's trick. At y = 0 the gradient is -t, so that a row on the
    line moves it. Rosenblatt 1958.

    >>> from fastnn.losses import PerceptronLoss
    >>> PerceptronLoss().rows([[1.0], [0.0]], [[0.25], [3.0]])
    array([0., 3.])
    """

    mean = False

    @staticmethod
    def value(t, y):
        s = where(t == 0.0, -1.0, t)
        return maximum(-s * y, 0.0)

    @staticmethod
    def gradient(t, y):
        s = where(t == 0.0, -1.0, t)
        return where(s * y <= 0.0, -s, 0.0)


@register("loss")
class SquaredHinge(_Binary):
    """max(1 - t y, 0)^2, averaged over the outputs; t is -1 or 1 (0 means -1)."""

    @staticmethod
    def value(t, y):
        s = where(t == 0.0, -1.0, t)
        h = maximum(1.0 - s * y, 0.0)
        return h * h

    @staticmethod
    def gradient(t, y):
        s = where(t == 0.0, -1.0, t)
        return -2.0 * s * maximum(1.0 - s * y, 0.0)


@register("loss")
class CategoricalHinge(Loss):
    """max(1 + max_j (1 - t_j) y_j - sum_j t_j y_j, 0) for one-hot targets.

    >>> from fastnn.losses import CategoricalHinge
    >>> CategoricalHinge().rows([[0.0, 1.0, 0.0]], [[0.5, 0.75, 0.25]])
    array([0.75])
    """

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)

    def rows(self, y_true, y_pred):
        with np.errstate(all="ignore"):
            return categorical_hinge_loss(*pair(y_true, y_pred))[0]

    def lower(self, builder, value):
        flat(self, value)
        return builder.head(Kind.CATEGORICAL_HINGE_LOSS, value, numbers=(1.0,), sums=self.sums())
