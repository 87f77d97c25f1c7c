"""Losses for numbers: squares, absolute values, logarithms, directions."""

from __future__ import annotations

import math

import numpy as np

from fastnn.formulas import abs, expm1, log, log1p, maximum, minimum, tanh, where
from fastnn.losses.base import ElementwiseLoss, Loss, flat, last_axis, pair
from fastnn.losses.rows import cosine_loss
from fastnn.plan import Kind
from fastnn.registry import register


class _Plain(ElementwiseLoss):
    """A loss without arguments of its own, named as its class."""

    def __init__(self, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)


@register("loss", "mse")
class MeanSquaredError(_Plain):
    """(y - t)^2, averaged over the outputs."""

    @staticmethod
    def value(t, y):
        return (y - t) * (y - t)

    @staticmethod
    def gradient(t, y):
        return 2.0 * (y - t)


@register("loss", "sse")
class SumSquaredError(MeanSquaredError):
    """(y - t)^2, *summed* over the outputs: the cost of the course notes.

    >>> from fastnn.losses import SumSquaredError
    >>> float(SumSquaredError()([[3.0]], [[18.0]]))
    225.0
    """

    mean = False


@register("loss", "mae")
class MeanAbsoluteError(_Plain):
    """|y - t|, averaged over the outputs; the subgradient at y = t is 0."""

    @staticmethod
    def value(t, y):
        return abs(y - t)

    @staticmethod
    def gradient(t, y):
        return where(y > t, 1.0, 0.0) - where(y < t, 1.0, 0.0)


@register("loss", "mape")
class MeanAbsolutePercentageError(_Plain):
    """100 |y - t| / max(|t|, 1e-7), averaged over the outputs; the subgradient at y = t is 0.

    >>> from fastnn.losses import MeanAbsolutePercentageError
    >>> float(MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]]))
    25.0
    """

    @staticmethod
    def value(t, y):
        return 100.0 * (abs(y - t) / maximum(abs(t), 1e-7))  # a target of 0 must not divide

    @staticmethod
    def gradient(t, y):
        sign = where(y > t, 100.0, 0.0) - where(y < t, 100.0, 0.0)
        return sign / maximum(abs(t), 1e-7)


@register("loss", "msle")
class MeanSquaredLogarithmicError(_Plain):
    """(log(1 + y) - log(1 + t))^2, averaged over the outputs.

    Numbers below 1e-7 count as 1e-7, as in Keras; such outputs have the gradient 0.
    """

    @staticmethod
    def value(t, y):
        d = log1p(maximum(y, 1e-7)) - log1p(maximum(t, 1e-7))
        return d * d

    @staticmethod
    def gradient(t, y):
        p = maximum(y, 1e-7)
        d = log1p(p) - log1p(maximum(t, 1e-7))
        return where(p == y, 2.0 * d / (1.0 + p), 0.0)


@register("loss", "huber_loss")
class Huber(ElementwiseLoss):
    """e^2 / 2 for |e| <= delta, else delta (|e| - delta / 2), e = y - t; averaged over the outputs.

    Its gradient is e, cut off at +-delta. Huber 1964, section 1.

    >>> from fastnn.losses import Huber
    >>> Huber(delta=2.0).rows([[0.0], [0.0]], [[1.0], [3.0]])
    array([0.5, 4. ])
    """

    hyper = ("delta",)

    def __init__(self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None):
        super().__init__(name, reduction, dtype)
        if not (delta > 0 and math.isfinite(delta)):
            raise ValueError(f"delta must be a positive number, received {delta!r}.")
        self.delta = float(delta)

    @staticmethod
    def value(t, y, delta):
        a = abs(y - t)
        inner = minimum(a, delta)
        return inner * (a - 0.5 * inner)

    @staticmethod
    def gradient(t, y, delta):
        return minimum(maximum(y - t, -delta), delta)


@register("loss")
class LogCosh(_Plain):
    """log(cosh(y - t)), averaged over the outputs: e^2 / 2 near 0, |e| - log 2 far from it."""

    @staticmethod
    def value(t, y):
        a = abs(y - t)  # cosh(a) = exp(a) (1 + (exp(-2 a) - 1) / 2), which keeps small a
        return a + log1p(0.5 * expm1(-2.0 * a))

    @staticmethod
    def gradient(t, y):
        return tanh(y - t)


@register("loss")
class Poisson(_Plain):
    """y - t log(y + 1e-7), averaged over the outputs, for counts t and rates y > 0.

    A rate below -1e-7 has no logarithm: the loss is NaN. End the model in softplus or exponential.
    """

    @staticmethod
    def value(t, y):
        return y - t * log(y + 1e-7)  # a rate of 0 must not make -inf

    @staticmethod
    def gradient(t, y):
        return 1.0 - t / (y + 1e-7)


@register("loss", "kl_divergence", "kld")
class KLDivergence(_Plain):
    """t log(t / y), *summed* over the outputs, both clipped to [1e-7, 1] as in Keras.

    Where the clip holds for y, the gradient is 0.
    """

    mean = False
    domain = (0.0, 1.0)

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(reduction, name, dtype)

    @staticmethod
    def value(t, y):
        s = minimum(maximum(t, 1e-7), 1.0)
        p = minimum(maximum(y, 1e-7), 1.0)
        return s * log(s / p)

    @staticmethod
    def gradient(t, y):
        s = minimum(maximum(t, 1e-7), 1.0)
        p = minimum(maximum(y, 1e-7), 1.0)
        return where(p == y, -s / p, 0.0)


@register("loss")
class CosineSimilarity(Loss):
    """-sum_j t_j y_j / (|t| |y|): -1 where the directions agree, 0 at right angles, 1 opposite.

    A norm below 1e-7 counts as 1e-7, as in Keras. Outputs that are all 0 have no direction: their
    loss and their gradient are 0.

    >>> from fastnn.losses import CosineSimilarity
    >>> CosineSimilarity().rows([[1.0, 0.0], [1.0, 0.0]], [[0.0, 3.0], [2.0, 0.0]])
    array([ 0., -1.])
    """

    def __init__(self, axis=-1, reduction="sum_over_batch_size", name=None, dtype=None):
        super().__init__(name, reduction, dtype)
        self.axis = axis

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}

    def rows(self, y_true, y_pred):
        t, y = (np.moveaxis(x, self.axis, -1) for x in pair(y_true, y_pred))
        with np.errstate(all="ignore"):
            return cosine_loss(t, y)[0] + 0  # not -0

    def lower(self, builder, value):
        last_axis(self, value)
        flat(self, value)
        return builder.head(Kind.COSINE_LOSS, value, numbers=(1.0,), sums=self.sums())
