"""The smooth activations beyond the common ones."""

from __future__ import annotations

from fastnn.activations.base import Activation, number
from fastnn.formulas import abs, erf, exp, expm1, log1p, maximum, minimum, sqrt, tanh, where
from fastnn.registry import register


@register("activation")
class Exponential(Activation):
    """y = exp(z)."""

    @staticmethod
    def forward(z):
        return exp(z)

    @staticmethod
    def backward(dy, y):
        return dy * y


@register("activation")
class CELU(Activation):
    """y = z for z > 0, else alpha (exp(z / alpha) - 1). Barron 2017."""

    hyper = ("alpha",)

    def __init__(self, alpha: float = 1.0):
        self.alpha = number("alpha", alpha, 0, above=True)

    @staticmethod
    def forward(z, alpha):
        return where(z > 0.0, z, alpha * expm1(z / alpha))

    @staticmethod
    def backward(dy, y, alpha):
        return where(y > 0.0, dy, dy * (y / alpha + 1.0))


@register("activation")
class SELU(Activation):
    """y = scale z for z > 0, else scale alpha (exp(z) - 1). Klambauer et al. 2017, eq. 2.

    scale = 1.0507009873554805 and alpha = 1.6732632423543772 keep mean 0 and variance 1.
    """

    @staticmethod
    def forward(z):
        return where(z > 0.0, 1.0507009873554805 * z, 1.7580993408473769 * expm1(z))

    @staticmethod
    def backward(dy, y):
        return dy * where(y > 0.0, 1.0507009873554805, y + 1.7580993408473769)


@register("activation")
class GELU(Activation):
    """y = z P(N(0, 1) <= z) = z (1 + erf(z / sqrt(2))) / 2. Hendrycks & Gimpel 2016, section 2.

    approximate : True for their approximation by tanh, `GeluTanh`.
    """

    def __init__(self, approximate: bool = False):
        self.approximate = bool(approximate)

    def get_config(self):
        return {"approximate": self.approximate}

    def lowered(self):
        return GeluTanh() if self.approximate else self

    @staticmethod
    def forward(z):
        return 0.5 * z * (1.0 + erf(0.7071067811865476 * z))

    @staticmethod
    def backward(dy, y, z):
        density = 0.3989422804014327 * exp(-0.5 * (z * z))
        return dy * (0.5 * (1.0 + erf(0.7071067811865476 * z)) + z * density)


@register("activation")
class GeluTanh(Activation):
    """y = z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))) / 2: what GELU(approximate=True) is.

    As (1 + tanh(u)) / 2 is 1 / (1 + exp(-2u)), nothing cancels where z is negative.
    """

    @staticmethod
    def forward(z):
        return z / (1.0 + exp(-1.5957691216057308 * (z + 0.044715 * (z * z * z))))

    @staticmethod
    def backward(dy, y, z):
        # beyond 10 the curve is flat to the last bit: its derivative, 0, is not to meet an inf
        w = minimum(maximum(z, -10.0), 10.0)
        s = 1.0 / (1.0 + exp(-1.5957691216057308 * (w + 0.044715 * (w * w * w))))
        slope = s * (1.0 - s) * (1.5957691216057308 * (1.0 + 0.134145 * (w * w)))
        return dy * (s + w * slope)


@register("activation")
class LogSigmoid(Activation):
    """y = log(1 / (1 + exp(-z))); dz = dy (1 - exp(y))."""

    @staticmethod
    def forward(z):
        return minimum(z, 0.0) - log1p(exp(-abs(z)))

    @staticmethod
    def backward(dy, y):
        return dy * -expm1(y)


@register("activation")
class Mish(Activation):
    """y = z tanh(softplus(z)) = z n / (n + 2) with e = exp(z), n = e^2 + 2 e. Misra 2019."""

    @staticmethod
    def forward(z):
        e = exp(minimum(z, 20.0))  # from there on n / (n + 2) is 1 to the last bit
        n = e * e + 2.0 * e
        return z * (n / (n + 2.0))

    @staticmethod
    def backward(dy, y, z):
        w = minimum(z, 20.0)
        e = exp(w)
        n = e * (e + 2.0)
        slope = 4.0 * e * (1.0 + e) / ((n + 2.0) * (n + 2.0))
        return dy * (n / (n + 2.0) + w * slope)


@register("activation")
class Softsign(Activation):
    """y = z / (1 + abs(z)); dz = dy (1 - abs(y))^2."""

    @staticmethod
    def forward(z):
        return z / (1.0 + abs(z))

    @staticmethod
    def backward(dy, y):
        s = 1.0 - abs(y)
        return dy * (s * s)


@register("activation")
class Squareplus(Activation):
    """y = (z + sqrt(z^2 + b)) / 2; dz = dy y^2 / (y^2 + b / 4). Barron 2021, eq. 1.

    Below 0, where the sum would cancel, y is b / 4 divided by (sqrt(z^2 + b) - z) / 2. Beyond 1e18,
    where z^2 could overflow, b no longer counts.
    """

    hyper = ("b",)

    def __init__(self, b: float = 4):
        self.b = number("b", b, 0, above=True)

    @staticmethod
    def forward(z, b):
        w = minimum(abs(z), 1e18)
        q = 0.5 * (w + sqrt(w * w + b)) + (abs(z) - w)
        return where(z < 0.0, 0.25 * b / q, q)

    @staticmethod
    def backward(dy, y, b):
        return dy / (1.0 + 0.25 * b / (y * y))


@register("activation")
class TanhShrink(Activation):
    """y = z - tanh(z); dz = dy tanh(z)^2."""

    @staticmethod
    def forward(z):
        return z - tanh(z)

    @staticmethod
    def backward(dy, y, z):
        t = tanh(z)
        return dy * (t * t)
