"""Adagrad: each parameter's step is divided by the size of all its gradients so far."""

from __future__ import annotations

from fastnn.formulas import sqrt
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.registry import register


@register("optimizer")
class Adagrad(Optimizer):
    """a <- a + g^2; p <- p - lr g / sqrt(a + epsilon).

    Keras's form: epsilon inside the root, and a begins with ``initial_accumulator_value``, which
    keeps the first steps small. Duchi, Hazan & Singer 2011, figure 1.
    """

    hyper = ("learning_rate", "initial_accumulator_value", "epsilon")
    rules = ("plain",)

    def __init__(self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7, *shared,
                 **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.initial_accumulator_value = checks.number(
            "initial_accumulator_value", initial_accumulator_value)
        self.epsilon = checks.number("epsilon", epsilon)

    def initial_slots(self, n, dtype):
        """The slots before the first step: sums that begin with ``initial_accumulator_value``."""
        slots = super().initial_slots(n, dtype)
        slots[0] = self.initial_accumulator_value
        return slots

    @staticmethod
    def plain(p, g, a, learning_rate, epsilon):
        a = a + g * g
        return p - learning_rate * g / sqrt(a + epsilon), a
