"""Stochastic gradient descent, plain, with momentum, and with Nesterov's momentum."""

from __future__ import annotations

from fastnn.optimizers import checks
from fastnn.optimizers.base import Optimizer
from fastnn.registry import register


@register("optimizer")
class SGD(Optimizer):
    """p <- p - lr g; with momentum: m <- mu m - lr g, p <- p + m; Nesterov: p <- p + mu m - lr g.

    The velocity m holds the learning rate, as in Keras (Sutskever et al. 2013, eq. 1-4).

    preset : "keras" and "sklearn" are as above; "torch" multiplies the learning rate in afterwards,
        which differs when it changes: m <- mu m + g, p <- p - lr m, or p - lr (g + mu m).

    >>> from fastnn.optimizers import SGD
    >>> SGD.momentum_rule(p=1.0, g=2.0, m=0.5, learning_rate=0.1, momentum=0.9)
    (1.25, 0.25)
    """

    hyper = ("learning_rate", "momentum", "nesterov", "preset")
    rules = ("plain", "momentum_rule", "nesterov_rule", "torch_momentum_rule",
             "torch_nesterov_rule")

    def __init__(self, learning_rate=0.01, momentum=0.0, nesterov=False, *shared,
                 preset="keras", **kwargs):
        super().__init__(learning_rate, *shared, **kwargs)
        self.preset = checks.preset(preset)
        self.momentum = checks.number("momentum", momentum, 0.0, 1.0)
        self.nesterov = bool(nesterov)

    @property
    def rule(self):
        if self.momentum == 0:
            return "plain"
        name = "nesterov_rule" if self.nesterov else "momentum_rule"
        return f"torch_{name}" if self.preset == "torch" else name

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

    @staticmethod
    def torch_momentum_rule(p, g, m, learning_rate, momentum):
        m = momentum * m + g
        return p - learning_rate * m, m

    @staticmethod
    def torch_nesterov_rule(p, g, m, learning_rate, momentum):
        m = momentum * m + g
        return p - learning_rate * (g + momentum * m), m
