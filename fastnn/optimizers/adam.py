"""Adam: momentum and RMSprop, both freed of their bias towards zero."""

from __future__ import annotations

import numpy as np

from fastnn.formulas import maximum, sqrt
from fastnn.optimizers.base import Optimizer, _number
from fastnn.registry import register


@register("optimizer")
class Adam(Optimizer):
    """m <- m + (1 - b1)(g - m); v <- v + (1 - b2)(g^2 - v); p <- p - alpha m / (sqrt(v) + epsilon).

    alpha = lr sqrt(1 - b2^t) / (1 - b1^t). This is the order of operations of Kingma & Ba 2015,
    end of section 2, as Keras has it: epsilon is added to the *uncorrected* root ("epsilon hat"),
    where PyTorch adds its 1e-8 to the corrected one. ``amsgrad`` divides by the largest v so far
    (Reddi et al. 2018).
    """

    hyper = ("learning_rate", "beta_1", "beta_2", "epsilon", "amsgrad")
    rules = ("plain", "amsgrad_rule")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
                 name=None, **kwargs):
        super().__init__(learning_rate, name, **kwargs)
        self.beta_1 = _number("beta_1", beta_1, 0.0, 1.0, open_high=True)
        self.beta_2 = _number("beta_2", beta_2, 0.0, 1.0, open_high=True)
        self.epsilon = _number("epsilon", epsilon, 0.0, float("inf"))
        self.amsgrad = bool(amsgrad)

    @property
    def rule(self):
        return "amsgrad_rule" if self.amsgrad else "plain"

    def scalar(self, name, t):
        if name == "alpha":
            return self.learning_rate * np.sqrt(1 - self.beta_2**t) / (1 - self.beta_1**t)
        return super().scalar(name, t)

    @staticmethod
    def plain(p, g, m, v, alpha, beta_1, beta_2, epsilon):
        m = m + (1.0 - beta_1) * (g - m)
        v = v + (1.0 - beta_2) * (g * g - v)
        return p - alpha * m / (sqrt(v) + epsilon), m, v

    @staticmethod
    def amsgrad_rule(p, g, m, v, h, alpha, beta_1, beta_2, epsilon):
        m = m + (1.0 - beta_1) * (g - m)
        v = v + (1.0 - beta_2) * (g * g - v)
        h = maximum(v, h)
        return p - alpha * m / (sqrt(h) + epsilon), m, v, h
