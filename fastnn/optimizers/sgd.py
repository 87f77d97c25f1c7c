"""Stochastic gradient descent, plain, with momentum, and with Nesterov's momentum."""

from __future__ import annotations

from fastnn.optimizers.base import Optimizer, _number
from fastnn.registry import register


@register("optimizer")
class SGD(Optimizer):
    """p <- p - lr g; with momentum: m <- mu m - lr g, p <- p + m; Nesterov: p <- p + mu m - lr g.

    The velocity m holds the learning rate, as in Keras (Sutskever et al. 2013, eq. 1-4); PyTorch
    multiplies it in afterwards, which differs when the learning rate changes.

    >>> from fastnn.optimizers import SGD
    >>> SGD.momentum_rule(p=1.0, g=2.0, m=0.5, learning_rate=0.1, momentum=0.9)
    (1.25, 0.25)
    """

    hyper = ("learning_rate", "momentum", "nesterov")
    rules = ("plain", "momentum_rule", "nesterov_rule")

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, name=None, **kwargs):
        super().__init__(learning_rate, name, **kwargs)
        self.momentum = _number("momentum", momentum, 0.0, 1.0)
        self.nesterov = bool(nesterov)

    @property
    def rule(self):
        if self.momentum == 0:
            return "plain"
        return "nesterov_rule" if self.nesterov else "momentum_rule"

    @staticmethod
    def plain(p, g, learning_rate):
        return p - learning_rate * g

    @staticmethod
    def momentum_rule(p, g, m, learning_rate, momentum):
        m = momentum * m - learning_rate * g
        return p + m, m

    @staticmethod
    def nesterov_rule(p, g, m, learning_rate, momentum):
        m = momentum * m - learning_rate * g
        return p + momentum * m - learning_rate * g, m
