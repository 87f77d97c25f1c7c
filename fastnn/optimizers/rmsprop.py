"""RMSprop: each parameter's step is divided by the recent size of its gradient."""

from __future__ import annotations

from fastnn.formulas import sqrt
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.registry import register


@register("optimizer")
class RMSprop(Optimizer):
    """v <- rho v + (1 - rho) g^2; p <- p - lr g / sqrt(v + epsilon).

    Keras's form. ``centered`` subtracts the squared mean gradient a^2 from v; ``momentum``
    accumulates the steps. Hinton, lecture 6e (2012); the centered form is Graves 2013, eq. 38-45.

    preset : "keras" (epsilon 1e-7, inside the root) or "torch" (1e-8, added to the root; the
        momentum accumulates g / root, and the learning rate comes afterwards).
    """

    hyper = ("learning_rate", "rho", "momentum", "epsilon", "centered", "preset")
    rules = ("plain", "momentum_rule", "centered_rule", "centered_momentum_rule", "torch_plain",
             "torch_momentum_rule", "torch_centered_rule", "torch_centered_momentum_rule")

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=None, centered=False,
                 *shared, preset="keras", **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.preset = checks.preset(preset, ("keras", "torch"))
        self.rho = checks.number("rho", rho, 0.0, 1.0)
        self.momentum = checks.number("momentum", momentum, 0.0, 1.0)
        epsilon = checks.EPSILON[self.preset] if epsilon is None else epsilon
        self.epsilon = checks.number("epsilon", epsilon)
        self.centered = bool(centered)

    @property
    def rule(self):
        names = {(False, False): "plain", (False, True): "momentum_rule",
                 (True, False): "centered_rule", (True, True): "centered_momentum_rule"}
        name = names[self.centered, self.momentum > 0]
        return f"torch_{name}" if self.preset == "torch" else name

    @staticmethod
    def plain(p, g, v, learning_rate, rho, epsilon):
        v = rho * v + (1.0 - rho) * (g * g)
        return p - learning_rate * g / sqrt(v + epsilon), v

    @staticmethod
    def momentum_rule(p, g, v, m, learning_rate, rho, epsilon, momentum):
        v = rho * v + (1.0 - rho) * (g * g)
        m = momentum * m + learning_rate * g / sqrt(v + epsilon)
        return p - m, v, m

    @staticmethod
    def centered_rule(p, g, v, a, learning_rate, rho, epsilon):
        v = rho * v + (1.0 - rho) * (g * g)
        a = rho * a + (1.0 - rho) * g
        return p - learning_rate * g / sqrt(v - a * a + epsilon), v, a

    @staticmethod
    def centered_momentum_rule(p, g, v, a, m, learning_rate, rho, epsilon, momentum):
        v = rho * v + (1.0 - rho) * (g * g)
        a = rho * a + (1.0 - rho) * g
        m = momentum * m + learning_rate * g / sqrt(v - a * a + epsilon)
        return p - m, v, a, m

    @staticmethod
    def torch_plain(p, g, v, learning_rate, rho, epsilon):
        v = rho * v + (1.0 - rho) * (g * g)
        return p - learning_rate * (g / (sqrt(v) + epsilon)), v

    @staticmethod
    def torch_momentum_rule(p, g, v, m, learning_rate, rho, epsilon, momentum):
        v = rho * v + (1.0 - rho) * (g * g)
        m = momentum * m + g / (sqrt(v) + epsilon)
        return p - learning_rate * m, v, m

    @staticmethod
    def torch_centered_rule(p, g, v, a, learning_rate, rho, epsilon):
        v = rho * v + (1.0 - rho) * (g * g)
        a = a + (1.0 - rho) * (g - a)
        return p - learning_rate * (g / (sqrt(v - a * a) + epsilon)), v, a

    @staticmethod
    def torch_centered_momentum_rule(p, g, v, a, m, learning_rate, rho, epsilon, momentum):
        v = rho * v + (1.0 - rho) * (g * g)
        a = a + (1.0 - rho) * (g - a)
        m = momentum * m + g / (sqrt(v - a * a) + epsilon)
        return p - learning_rate * m, v, a, m
