"""Adadelta: steps as large as the recent ones, by gradients against the recent ones."""

from __future__ import annotations

from fastnn.formulas import sqrt
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.registry import register


@register("optimizer")
class Adadelta(Optimizer):
    """v <- rho v + (1 - rho) g^2; s = sqrt(d + epsilon) g / sqrt(v + epsilon); p <- p - lr s.

    d is the same average of s^2, from the steps before. Zeiler 2012, algorithm 1, which has no
    learning rate: PyTorch's default is 1, Keras's 0.001, with which little happens.
    """

    hyper = ("learning_rate", "rho", "epsilon")
    rules = ("plain",)

    def __init__(self, learning_rate=0.001, rho=0.95, epsilon=1e-7, *shared, **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.rho = checks.number("rho", rho, 0.0, 1.0)
        self.epsilon = checks.number("epsilon", epsilon)

    @staticmethod
    def plain(p, g, v, d, learning_rate, rho, epsilon):
        v = rho * v + (1.0 - rho) * (g * g)
        step = sqrt(d + epsilon) * g / sqrt(v + epsilon)
        d = rho * d + (1.0 - rho) * (step * step)
        return p - learning_rate * step, v, d
