"""Lion: steps of one size, in the direction of a blend of gradient and momentum."""

from __future__ import annotations

from fastnn.formulas import where
from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.registry import register


@register("optimizer")
class Lion(Optimizer):
    """p <- p - lr sign(b1 m + (1 - b1) g); m <- b2 m + (1 - b2) g.

    Chen et al. 2023, algorithm 2. Its learning rate wants to be three to ten times smaller than
    Adam's, its weight decay as much larger.
    """

    hyper = ("learning_rate", "beta_1", "beta_2")
    rules = ("plain",)

    def __init__(self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, *shared, **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.beta_1 = checks.number("beta_1", beta_1, 0.0, 1.0)
        if self.beta_1 == 0:
            raise ValueError("beta_1 must be above 0: with 0 only the gradient's sign counts.")
        self.beta_2 = checks.number("beta_2", beta_2, 0.0, 1.0)

    @staticmethod
    def plain(p, g, m, learning_rate, beta_1, beta_2):
        blend = beta_1 * m + (1.0 - beta_1) * g
        # a blend that is neither is 0 or NaN, and its own sign
        sign = where(blend > 0.0, 1.0, where(blend < 0.0, -1.0, blend))
        return p - learning_rate * sign, beta_2 * m + (1.0 - beta_2) * g
