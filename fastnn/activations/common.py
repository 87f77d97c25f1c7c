"""The activations that most networks use, and the formulas that the core knows by their number."""

from __future__ import annotations

import math

from fastnn.activations.base import Activation, number
from fastnn.formulas import abs, exp, expm1, log1p, maximum, minimum, tanh, where
from fastnn.registry import register


@register("activation")
class Linear(Activation):
    """y = z."""

    @staticmethod
    def forward(z):
        return z

    @staticmethod
    def backward(dy, y):
        return dy


@register("activation")
class ReLU(Activation):
    """y = max(z, 0); the derivative at 0 is taken as 0, as Keras and PyTorch do.

    negative_slope, max_value, threshold : with other values than these it is a `BoundedReLU`.
    """

    def __init__(self, negative_slope: float = 0.0, max_value: float | None = None,
                 threshold: float = 0.0):
        self.negative_slope = number("negative_slope", negative_slope, 0)
        self.max_value = None if max_value is None else number("max_value", max_value, 0)
        self.threshold = number("threshold", threshold)

    def get_config(self):
        return {"negative_slope": self.negative_slope, "max_value": self.max_value,
                "threshold": self.threshold}

    def lowered(self):
        if self.max_value is not None or self.threshold != 0:
            return BoundedReLU(**self.get_config())
        return LeakyReLU(self.negative_slope) if self.negative_slope else self

    @staticmethod
    def forward(z):
        return maximum(z, 0.0)

    @staticmethod
    def backward(dy, y):
        return where(y > 0.0, dy, 0.0)


@register("activation")
class Sigmoid(Activation):
    """y = 1 / (1 + exp(-z)), the logistic curve; dz = dy y (1 - y)."""

    @staticmethod
    def forward(z):
        return 1.0 / (1.0 + exp(-z))

    @staticmethod
    def backward(dy, y):
        return dy * (y * (1.0 - y))


@register("activation")
class Tanh(Activation):
    """y = tanh(z); dz = dy (1 - y^2)."""

    @staticmethod
    def forward(z):
        return tanh(z)

    @staticmethod
    def backward(dy, y):
        return dy * (1.0 - y * y)


@register("activation")
class LeakyReLU(Activation):
    """y = z for z > 0, else negative_slope * z. The slope is 0.2 as in ``keras.activations``."""

    hyper = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.2):
        # backward reads the sign of z off y, which a negative slope would turn round
        self.negative_slope = number("negative_slope", negative_slope, 0)

    @staticmethod
    def forward(z, negative_slope):
        return where(z > 0.0, z, negative_slope * z)

    @staticmethod
    def backward(dy, y, negative_slope):
        return where(y > 0.0, dy, negative_slope * dy)


@register("activation")
class ELU(Activation):
    """y = z for z > 0, else alpha (exp(z) - 1). Clevert et al. 2015, eq. 15."""

    hyper = ("alpha",)

    def __init__(self, alpha: float = 1.0):
        self.alpha = number("alpha", alpha, 0)

    @staticmethod
    def forward(z, alpha):
        return where(z > 0.0, z, alpha * expm1(z))

    @staticmethod
    def backward(dy, y, alpha):
        return where(y > 0.0, dy, dy * (y + alpha))


@register("activation")
class Softplus(Activation):
    """y = log(1 + exp(z)), written so that neither end overflows; dz = dy (1 - exp(-y))."""

    @staticmethod
    def forward(z):
        return maximum(z, 0.0) + log1p(exp(-abs(z)))

    @staticmethod
    def backward(dy, y):
        return dy * -expm1(-y)


@register("activation", "swish")
class SiLU(Activation):
    """y = z sigmoid(z); not invertible, so the derivative keeps z as well."""

    @staticmethod
    def forward(z):
        return z / (1.0 + exp(-z))

    @staticmethod
    def backward(dy, y, z):
        s = 1.0 / (1.0 + exp(-z))
        return dy * (s + y * (1.0 - s))


@register("activation")
class BoundedReLU(Activation):
    """y = min(z, max_value) for z > threshold, else negative_slope (z - threshold).

    With a ``max_value`` y is at least 0 above the threshold, which matters for a negative one. What
    ReLU is with any of its arguments.
    """

    hyper = ("negative_slope", "low", "high", "threshold")

    def __init__(self, negative_slope: float = 0.0, max_value: float | None = None,
                 threshold: float = 0.0):
        self.negative_slope = number("negative_slope", negative_slope, 0)
        self.max_value = None if max_value is None else number("max_value", max_value, 0)
        self.threshold = number("threshold", threshold)
        self.low, self.high = (-math.inf, math.inf) if max_value is None else (0.0, self.max_value)

    def get_config(self):
        return {"negative_slope": self.negative_slope, "max_value": self.max_value,
                "threshold": self.threshold}

    @staticmethod
    def forward(z, negative_slope, low, high, threshold):
        below = negative_slope * (z - threshold)
        below = where(negative_slope == 0.0, 0.0 * maximum(z, threshold), below)
        return where(z > threshold, minimum(maximum(z, low), high), below)

    @staticmethod
    def backward(dy, y, z, negative_slope, low, high, threshold):
        above = where(z < high, where(z > low, dy, 0.0), 0.0)
        return where(z > threshold, above, negative_slope * dy)
