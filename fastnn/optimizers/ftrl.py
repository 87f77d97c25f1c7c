"""FTRL-Proximal: follow the regularised leader, which makes many parameters exactly zero."""

from __future__ import annotations

import math

import numpy as np

from fastnn.formulas import exp, log, maximum, minimum, sqrt, where
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.registry import register


@register("optimizer")
class Ftrl(Optimizer):
    """n' = n + g^2; z <- z + g + 2 shrinkage p - (n'^k - n^k) / lr p; then p anew from z and n'.

    p = (clip(z, -l1, l1) - z) / (n'^k / lr + 2 l2 + beta / lr), with k = -learning_rate_power.
    McMahan et al. 2013, algorithm 1, in Keras's form: there a learning rate of its own per
    parameter, here ``l2_shrinkage_regularization_strength``, which penalises size and not place.
    n begins with ``initial_accumulator_value``.
    """

    hyper = ("learning_rate", "learning_rate_power", "initial_accumulator_value",
             "l1_regularization_strength", "l2_regularization_strength",
             "l2_shrinkage_regularization_strength", "beta")
    rules = ("plain", "power_rule")

    def __init__(self, learning_rate=0.001, learning_rate_power=-0.5,
                 initial_accumulator_value=0.1, l1_regularization_strength=0.0,
                 l2_regularization_strength=0.0, l2_shrinkage_regularization_strength=0.0,
                 beta=0.0, *shared, **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.learning_rate_power = checks.number(
            "learning_rate_power", learning_rate_power, -math.inf, 0.0)
        positive = {"initial_accumulator_value": initial_accumulator_value,
                    "l1_regularization_strength": l1_regularization_strength,
                    "l2_regularization_strength": l2_regularization_strength,
                    "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
                    "beta": beta}
        for name, value in positive.items():
            setattr(self, name, checks.number(name, value))

    @property
    def rule(self):
        return "plain" if self.learning_rate_power == -0.5 else "power_rule"

    def initial_slots(self, n, dtype):
        """The slots before the first step: n begins with ``initial_accumulator_value``."""
        slots = super().initial_slots(n, dtype)
        slots[0] = self.initial_accumulator_value
        return slots

    def scalar(self, name, t, rate):
        match name:
            case "power":
                return -self.learning_rate_power
            case "ridge":
                with np.errstate(all="ignore"):  # a rate of 0 makes no number, as in Keras
                    return 2 * self.l2_regularization_strength + np.divide(self.beta, rate)
            case "shrinkage":
                return 2 * self.l2_shrinkage_regularization_strength
            case "lasso":
                return self.l1_regularization_strength
        return super().scalar(name, t, rate)

    @staticmethod
    def plain(p, g, n, z, learning_rate, lasso, ridge, shrinkage):
        before = sqrt(n)
        n = n + g * g
        after = sqrt(n)
        z = z + (g + shrinkage * p - (after - before) / learning_rate * p)
        clipped = minimum(maximum(z, -lasso), lasso)
        return (clipped - z) / (after / learning_rate + ridge), n, z

    @staticmethod
    def power_rule(p, g, n, z, learning_rate, power, lasso, ridge, shrinkage):
        # n^0 is 1 even for n = 0, whose logarithm is infinite
        before = where(power > 0.0, exp(power * log(n)), 1.0)
        n = n + g * g
        after = where(power > 0.0, exp(power * log(n)), 1.0)
        z = z + (g + shrinkage * p - (after - before) / learning_rate * p)
        clipped = minimum(maximum(z, -lasso), lasso)
        return (clipped - z) / (after / learning_rate + ridge), n, z
