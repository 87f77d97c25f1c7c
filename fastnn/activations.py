"""Activations: one class each, the formula and its derivative.

An elementwise activation is ``forward(z, *hyper) -> y`` and ``backward(dy, y[, z], *hyper) -> dz``.
The signature of ``backward`` decides what the training plan keeps: without ``z`` the output
overwrites the pre-activation in memory.

>>> import numpy as np
>>> from fastnn import activations
>>> activations.relu(np.array([-2.0, 0.0, 3.0]))
array([0., 0., 3.])
>>> activations.get("leaky_relu")
LeakyReLU(negative_slope=0.2)
"""

from __future__ import annotations

import numpy as np

from fastnn import registry
from fastnn.formulas import Formula, arguments, as_real, exp, expm1, log1p, maximum, tanh, where
from fastnn.registry import register


class Activation(Formula):
    """A function of a layer's pre-activation ``z`` (n, m), applied by rows or by elements.

    Elementwise activations define ``forward`` and ``backward`` (see the module's first lines).
    """

    elementwise = True

    @classmethod
    def keeps_z(cls) -> bool:
        """Whether the derivative needs the pre-activation as well as the output."""
        return "z" in arguments(cls.backward)

    def __call__(self, x):
        """The activation of every element of ``x``, in the array's own floating type."""
        with np.errstate(all="ignore"):
            return self.forward(as_real(x), *self.values())

    def derivative(self, x):
        """dy/dz at every element of ``x``."""
        z = as_real(x)
        with np.errstate(all="ignore"):
            y = self.forward(z, *self.values())
            kept = (y, z) if self.keeps_z() else (y,)
            return self.backward(np.ones_like(z), *kept, *self.values())


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
    """y = max(z, 0); the derivative at 0 is taken as 0, as Keras and PyTorch do."""

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
        if not negative_slope >= 0:
            # backward reads the sign of z off y, which a negative slope would turn round
            raise ValueError(
                f"negative_slope must be zero or positive, received {negative_slope!r}."
            )
        self.negative_slope = negative_slope

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
        if not alpha >= 0:
            raise ValueError(f"alpha must be zero or positive, received {alpha!r}.")
        self.alpha = alpha

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
class Softmax(Activation):
    """y_j = exp(z_j) / sum_i exp(z_i) over the last axis; each row is shifted by its largest z.

    dz_j = y_j (dy_j - sum_i dy_i y_i).
    """

    elementwise = False

    def __call__(self, x):
        """Softmax over the last axis of ``x``."""
        z = as_real(x)
        if z.ndim < 2:
            raise ValueError(f"softmax expects an array of two or more axes, received {z.shape}.")
        with np.errstate(all="ignore"):
            return self.forward(z)

    @staticmethod
    def forward(z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    @staticmethod
    def backward(dy, y):
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


def elementwise() -> list[type[Activation]]:
    """The elementwise activations; an activation's place in this list is its code in the plan."""
    return [cls for cls in registry.classes("activation") if cls.elementwise]


def get(identifier) -> Activation:
    """The activation for a name, class, instance, function of this module or None (linear)."""
    if identifier is None:
        return Linear()
    if callable(identifier) and not isinstance(identifier, (type, Activation)):
        # `tanh` and `exp` here are NumPy's own functions: known by their name
        identifier = getattr(identifier, "__name__", identifier)
    return registry.get("activation", identifier)


def __getattr__(name: str):
    """``activations.relu`` is the default ReLU: callable on arrays, accepted by every layer."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return registry.get("activation", name)
    except ValueError as error:
        raise AttributeError(str(error)) from None
