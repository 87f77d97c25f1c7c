"""Losses of a logit or a logarithm as it is, without an activation: their gradient is y - t."""

from __future__ import annotations

import math

from fastnn.formulas import abs, exp, log, log1p, maximum, minimum, where
from fastnn.losses.base import ElementwiseLoss
from fastnn.registry import register


class _Canonical(ElementwiseLoss):
    """Summed over the outputs."""

    mean = False

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)


@register("loss")
class PoissonDeviance(_Canonical):
    """exp(z) - t - t (z - log t), half the deviance, *summed* over the outputs z = log of the rate.

    The model's output is the logarithm of what it expects, so no activation has to keep it above 0.
    McCullagh & Nelder 1989, table 2.1.

    >>> from fastnn.losses import PoissonDeviance
    >>> float(PoissonDeviance()([[0.0]], [[0.0]]))
    1.0
    """

    domain = (0.0, math.inf)

    @staticmethod
    def value(t, y):
        return exp(y) - t - t * (y - log(where(t > 0.0, t, 1.0)))

    @staticmethod
    def gradient(t, y):
        return exp(y) - t


@register("loss")
class LogLoss(_Canonical):
    """max(z, 0) - t z + log(1 + exp(-|z|)), *summed* over the logits z, but each at most ``most``.

    That is scikit-learn's log loss: it clips probabilities to [eps, 1 - eps], so that one costs at
    most -log(eps), but takes sigmoid(z) - t for the gradient everywhere.

    >>> from fastnn.losses import LogLoss
    >>> LogLoss(most=36.0).rows([[1.0], [0.0]], [[-90.0], [0.0]]).round(3)
    array([36.   ,  0.693])
    """

    domain = (0.0, 1.0)
    hyper = ("most",)

    def __init__(self, most=math.inf, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(reduction, name, dtype)
        self.most = float(most)

    @staticmethod
    def value(t, y, most):
        return minimum(maximum(y, 0.0) - t * y + log1p(exp(-abs(y))), most)

    @staticmethod
    def gradient(t, y, most):
        return 1.0 / (1.0 + exp(-y)) - t
