"""Nadam: Adam with Nesterov's momentum."""

from __future__ import annotations

import numpy as np

from fastnn.formulas import sqrt
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.optimizers.powers import power_of_steps
from fastnn.registry import register

_DECAY = 0.96
# the factors 1 - 0.96^t / 2 of the momentum; from the thousandth on they are 1 in float64
_FACTORS = 1 - 0.5 * power_of_steps(_DECAY, np.arange(1025.0))
_FACTORS[0] = 1.0
_PRODUCTS = np.cumprod(_FACTORS)


@register("optimizer")
class Nadam(Optimizer):
    """p <- p - (fresh g + old m) / (sqrt(v / correction) + epsilon), m and v as Adam's.

    With mu_t = b1 (1 - 0.96^t / 2) and U_t = mu_1 ... mu_t: fresh = lr (1 - mu_t) / (1 - U_t),
    old = lr mu_{t+1} / (1 - U_{t+1}), correction = 1 - b2^t. Dozat 2016, algorithm 2, with the
    momentum's schedule of Sutskever et al. 2013, as Keras has it.
    """

    hyper = ("learning_rate", "beta_1", "beta_2", "epsilon")
    rules = ("plain",)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, *shared,
                 **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.beta_1 = checks.number("beta_1", beta_1, 0.0, 1.0, open_high=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0.0, 1.0, open_high=True)
        self.epsilon = checks.number("epsilon", epsilon)

    @property
    def n_numbers(self):
        """Keras's keeps the product of the momenta as well."""
        return super().n_numbers + 1

    def _momentum(self, t):
        return self.beta_1 * (1 - 0.5 * power_of_steps(_DECAY, t))

    def _product(self, t):
        """mu_1 ... mu_t, whatever t."""
        last = np.minimum(t, len(_PRODUCTS) - 1).astype(int)
        return power_of_steps(self.beta_1, t) * _PRODUCTS[last]

    def scalar(self, name, t, rate):
        match name:
            case "fresh":
                return rate * (1 - self._momentum(t)) / (1 - self._product(t))
            case "old":
                return rate * self._momentum(t + 1) / (1 - self._product(t + 1))
            case "correction":
                return 1 - power_of_steps(self.beta_2, t)
        return super().scalar(name, t, rate)

    @staticmethod
    def plain(p, g, m, v, fresh, old, correction, beta_1, beta_2, epsilon):
        m = m + (1.0 - beta_1) * (g - m)
        v = v + (1.0 - beta_2) * (g * g - v)
        return p - (fresh * g + old * m) / (sqrt(v / correction) + epsilon), m, v
