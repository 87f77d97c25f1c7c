"""Activations made of straight pieces: the hard, the shrinking, the sparse.

Where two pieces meet, the derivative is that of the flatter one.
"""

from __future__ import annotations

from fastnn.activations.base import Activation, number
from fastnn.formulas import abs, maximum, minimum, sqrt, where
from fastnn.registry import register


@register("activation")
class ReLU6(Activation):
    """y = min(max(z, 0), 6)."""

    @staticmethod
    def forward(z):
        return minimum(maximum(z, 0.0), 6.0)

    @staticmethod
    def backward(dy, y):
        return where(y > 0.0, where(y < 6.0, dy, 0.0), 0.0)


@register("activation")
class HardSigmoid(Activation):
    """y = min(max(z + 3, 0), 6) / 6."""

    @staticmethod
    def forward(z):
        return minimum(maximum(z + 3.0, 0.0), 6.0) / 6.0

    @staticmethod
    def backward(dy, y):
        return where(y > 0.0, where(y < 1.0, dy / 6.0, 0.0), 0.0)


@register("activation", "hard_swish")
class HardSiLU(Activation):
    """y = z hard_sigmoid(z). Howard et al. 2019, section 5.2."""

    @staticmethod
    def forward(z):
        return z * (minimum(maximum(z + 3.0, 0.0), 6.0) / 6.0)

    @staticmethod
    def backward(dy, y, z):
        h = minimum(maximum(z + 3.0, 0.0), 6.0) / 6.0
        return dy * (h + where(abs(z) < 3.0, z / 6.0, 0.0))


@register("activation")
class HardTanh(Activation):
    """y = min(max(z, -1), 1)."""

    @staticmethod
    def forward(z):
        return minimum(maximum(z, -1.0), 1.0)

    @staticmethod
    def backward(dy, y):
        return where(abs(y) < 1.0, dy, 0.0)


@register("activation")
class HardShrink(Activation):
    """y = z where abs(z) > threshold, else 0."""

    hyper = ("threshold",)

    def __init__(self, threshold: float = 0.5):
        self.threshold = number("threshold", threshold, 0)

    @staticmethod
    def forward(z, threshold):
        return where(abs(z) <= threshold, 0.0, z)

    @staticmethod
    def backward(dy, y, threshold):
        return where(y == 0.0, 0.0, dy)


@register("activation")
class SoftShrink(Activation):
    """y = z - threshold above the threshold, z + threshold below -threshold, 0 between."""

    hyper = ("threshold",)

    def __init__(self, threshold: float = 0.5):
        self.threshold = number("threshold", threshold, 0)

    @staticmethod
    def forward(z, threshold):
        return z - minimum(maximum(z, -threshold), threshold)

    @staticmethod
    def backward(dy, y, threshold):
        return where(y == 0.0, 0.0, dy)


@register("activation")
class Threshold(Activation):
    """y = z for z > threshold, else default_value."""

    hyper = ("threshold", "default_value")

    def __init__(self, threshold: float, default_value: float):
        self.threshold = number("threshold", threshold)
        self.default_value = number("default_value", default_value)

    @staticmethod
    def forward(z, threshold, default_value):
        return where(z <= threshold, default_value, z)

    @staticmethod
    def backward(dy, y, z, threshold, default_value):
        return where(z <= threshold, 0.0, dy)


@register("activation")
class SparsePlus(Activation):
    """y = 0 for z <= -1, z for z >= 1, (z + 1)^2 / 4 between; dz = dy min(sqrt(y), 1)."""

    @staticmethod
    def forward(z):
        return where(z <= -1.0, 0.0, where(z >= 1.0, z, 0.25 * ((z + 1.0) * (z + 1.0))))

    @staticmethod
    def backward(dy, y):
        return dy * minimum(sqrt(y), 1.0)


@register("activation")
class SparseSigmoid(Activation):
    """y = min(max((z + 1) / 2, 0), 1), the derivative of sparse_plus."""

    @staticmethod
    def forward(z):
        return 0.5 * minimum(maximum(z + 1.0, 0.0), 2.0)

    @staticmethod
    def backward(dy, y):
        return where(y > 0.0, where(y < 1.0, 0.5 * dy, 0.0), 0.0)
