"""Layers that fight overfitting: ActivityRegularization, Dropout."""

from __future__ import annotations

import operator

from fastnn import random, regularizers
from fastnn.layers.base import Layer
from fastnn.plan import Kind
from fastnn.registry import register


@register("layer")
class ActivityRegularization(Layer):
    """y = x; (l1 * sum|x| + l2 * sum(x^2)) / rows of the batch is added to the loss.

    l1, l2 : numbers, at least 0.
    """

    def __init__(self, l1=0.0, l2=0.0, **kwargs):
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = self.activity_regularizer.l1, self.activity_regularizer.l2

    def lower(self, builder, value):
        return value

    def get_config(self):
        config = super().get_config()
        del config["activity_regularizer"]
        return config | {"l1": self.l1, "l2": self.l2}


@register("layer")
class Dropout(Layer):
    """In training, y = 0 with probability ``rate``, else x / (1 - rate), for each number.

    In prediction, y = x. Every step has its own mask, a function of (seed, step, row,
    column). Srivastava et al. 2014, in the inverted form that needs no scaling in prediction.

    rate : float in [0, 1]; 1 drops everything.
    seed : int, or None for one from the package's stream.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(**kwargs)
        if isinstance(rate, (str, bool)) or not 0 <= rate <= 1:
            raise ValueError(f"rate must be a number between 0 and 1, received {rate!r}.")
        self.rate = float(rate)
        # an op's seed is a signed 64-bit number: any integer is taken modulo 2^63
        self.seed = (random.next_seed() if seed is None else operator.index(seed)) % 2**63

    def lower(self, builder, value):
        if self.rate == 0:
            return value
        return builder.op(Kind.DROPOUT, value, shape=value.shape, numbers=(self.rate,),
                          aux=value.width, s=self.seed)

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "seed": self.seed}
