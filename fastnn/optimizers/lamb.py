"""Lamb: Adam, with steps that are as long as each variable is large; for huge batches."""

from __future__ import annotations

from fastnn.formulas import sqrt
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.optimizers.powers import power_of_steps
from fastnn.registry import register


@register("optimizer")
class Lamb(Optimizer):
    """u = (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + epsilon); p <- p - lr |p| / |u| u.

    m and v are Adam's. The norms are those of a whole variable; their ratio is 1 where one of them
    is 0. You et al. 2020, algorithm 2, in Keras's form: weight decay is decoupled, not part of u.
    """

    hyper = ("learning_rate", "beta_1", "beta_2", "epsilon")
    rules = ("plain",)
    trust = True

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, *shared,
                 **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.beta_1 = checks.number("beta_1", beta_1, 0.0, 1.0, open_high=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0.0, 1.0, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon)

    def scalar(self, name, t, rate):
        match name:
            case "correction_1":
                return 1 - power_of_steps(self.beta_1, t)
            case "correction_2":
                return 1 - power_of_steps(self.beta_2, t)
        return super().scalar(name, t, rate)

    @staticmethod
    def plain(p, g, m, v, correction_1, correction_2, beta_1, beta_2, epsilon):
        m = m + (1.0 - beta_1) * (g - m)
        v = v + (1.0 - beta_2) * (g * g - v)
        return p, m, v, (m / correction_1) / (sqrt(v / correction_2) + epsilon)
