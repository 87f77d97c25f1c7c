"""Adam: momentum and RMSprop, both freed of their bias towards zero."""

from __future__ import annotations

import numpy as np

from fastnn.formulas import maximum, sqrt
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.optimizers.powers import power_of_steps
from fastnn.registry import register


@register("optimizer")
class Adam(Optimizer):
    """m <- m + (1 - b1)(g - m); v <- v + (1 - b2)(g^2 - v); p <- p - alpha m / (sqrt(v) + epsilon).

    alpha = lr sqrt(1 - b2^t) / (1 - b1^t). This is the order of operations of Kingma & Ba 2015,
    end of section 2, as Keras has it: epsilon is added to the *uncorrected* root ("epsilon hat").
    ``amsgrad`` divides by the largest v so far (Reddi et al. 2018).

    preset : "keras" (epsilon 1e-7), "sklearn" (the same place, 1e-8), or "torch" (1e-8, added to
        the root of the *corrected* v, which makes it a sqrt(1 - b2^t) of that in Keras's place).
    """

    hyper = ("learning_rate", "beta_1", "beta_2", "epsilon", "amsgrad", "preset")
    rules = ("plain", "amsgrad_rule")

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=None, amsgrad=False,
                 *shared, preset="keras", **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.preset = checks.preset(preset)
        self.beta_1 = checks.number("beta_1", beta_1, 0.0, 1.0, open_high=True)
        self.beta_2 = checks.number("beta_2", beta_2, 0.0, 1.0, open_high=True)
        epsilon = checks.EPSILON[self.preset] if epsilon is None else epsilon
        self.epsilon = checks.number("epsilon", epsilon)
        self.amsgrad = bool(amsgrad)

    @property
    def rule(self):
        return "amsgrad_rule" if self.amsgrad else "plain"

    def scalar(self, name, t, rate):
        if name == "alpha":
            below = 1 - power_of_steps(self.beta_1, t)
            return rate * np.sqrt(1 - power_of_steps(self.beta_2, t)) / below
        if name == "epsilon" and self.preset == "torch":
            return self.epsilon * np.sqrt(1 - power_of_steps(self.beta_2, t))
        return super().scalar(name, t, rate)

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


@register("optimizer")
class AdamW(Adam):
    """Adam after p <- p - p weight_decay lr. Loshchilov & Hutter 2019, algorithm 2."""

    hyper = ("learning_rate", "weight_decay", *Adam.hyper[1:])

    def __init__(self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999,
                 epsilon=None, amsgrad=False, *shared, **kwargs):
        if weight_decay is None:
            raise ValueError("AdamW needs a weight_decay, received None. Adam goes without.")
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, *shared,
                         **kwargs)
