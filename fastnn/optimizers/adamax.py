"""Adamax: Adam with the largest recent gradient for its size."""

from __future__ import annotations

from fastnn.formulas import abs, where
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.optimizers.powers import power_of_steps
from fastnn.registry import register


@register("optimizer")
class Adamax(Optimizer):
    """m <- m + (1 - b1)(g - m); u <- max(b2 u, |g|); p <- p - alpha m / (u + epsilon).

    alpha = lr / (1 - b1^t). Kingma & Ba 2015, algorithm 2, with Keras's epsilon.
    """

    hyper = ("learning_rate", "beta_1", "beta_2", "epsilon")
    rules = ("plain",)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, *shared,
                 **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.beta_1 = checks.number("beta_1", beta_1, 0.0, 1.0, open_high=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0.0, 1.0, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon)

    def scalar(self, name, t, rate):
        if name == "alpha":
            return rate / (1 - power_of_steps(self.beta_1, t))
        return super().scalar(name, t, rate)

    @staticmethod
    def plain(p, g, m, u, alpha, beta_1, beta_2, epsilon):
        m = m + (1.0 - beta_1) * (g - m)
        # not maximum: of a NaN the backends must make the same
        u = where(beta_2 * u > abs(g), beta_2 * u, abs(g))
        return p - alpha * m / (u + epsilon), m, u
