"""RMSprop: each parameter's step is divided by the recent size of its gradient."""

from __future__ import annotations

from fastnn.formulas import sqrt
from fastnn.optimizers.base import Optimizer, _number
from fastnn.registry import register


@register("optimizer")
class RMSprop(Optimizer):
    """v <- rho v + (1 - rho) g^2; p <- p - lr g / sqrt(v + epsilon).

    Keras's form, epsilon inside the root (PyTorch adds 1e-8 outside). ``centered`` subtracts the
    squared mean gradient a^2 from v; ``momentum`` accumulates the steps. Hinton, lecture 6e (2012);
    the centered form is Graves 2013, eq. 38-45.
    """

    hyper = ("learning_rate", "rho", "momentum", "epsilon", "centered")
    rules = ("plain", "momentum_rule", "centered_rule", "centered_momentum_rule")

    def __init__(self, learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-7, centered=False,
                 name=None, **kwargs):
        super().__init__(learning_rate, name, **kwargs)
        self.rho = _number("rho", rho, 0.0, 1.0)
        self.momentum = _number("momentum", momentum, 0.0, 1.0)
        self.epsilon = _number("epsilon", epsilon, 0.0, float("inf"))
        self.centered = bool(centered)

    @property
    def rule(self):
        names = {(False, False): "plain", (False, True): "momentum_rule",
                 (True, False): "centered_rule", (True, True): "centered_momentum_rule"}
        return names[self.centered, self.momentum > 0]

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
