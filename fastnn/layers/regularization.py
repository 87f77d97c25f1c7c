"""Layers that fight overfitting: by a penalty of what passes (ActivityRegularization), or by noise.

Dropout, AlphaDropout, GaussianDropout and GaussianNoise pass x on in prediction. In training every
step draws its own numbers, which are a function of (seed, step, row, column).
"""

from __future__ import annotations

import math
import operator

from fastnn import random, regularizers
from fastnn.layers.base import Layer
from fastnn.plan import NOISES, Kind
from fastnn.registry import register


class _Noise(Layer):
    """What these layers share (abstract): a seed, and a ``rate``, a number from 0 up to 1.

    seed : int, or None for one from the package's stream.
    """

    def __init__(self, rate, seed, **kwargs):
        super().__init__(**kwargs)
        self.rate = share("rate", rate)
        # an op's seed is a signed 64-bit number: any integer is taken modulo 2^63
        self.seed = (random.next_seed() if seed is None else operator.index(seed)) % 2**63

    def noise(self, builder, value, kind: str, *numbers):
        """The value with noise of one of the plan's NOISES."""
        return builder.op(Kind.NOISE, value, shape=value.shape, formula=NOISES.index(kind),
                          numbers=numbers, aux=value.width, s=builder.seed(self.seed))

    def get_config(self):
        return super().get_config() | {"rate": self.rate, "seed": self.seed}


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
class Dropout(_Noise):
    """In training, y = 0 with probability ``rate``, else x / (1 - rate), for each number.

    In prediction, y = x. Every step has its own mask, a function of (seed, step, row,
    column). Srivastava et al. 2014, in the inverted form that needs no scaling in prediction.

    rate : float in [0, 1]; 1 drops everything.
    noise_shape : None: every number has a draw of its own, which is all that fastnn has.
    seed : int, or None for one from the package's stream.
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = _no_shape(noise_shape)

    def lower(self, builder, value):
        if self.rate == 0:
            return value
        return builder.op(Kind.DROPOUT, value, shape=value.shape, numbers=(self.rate,),
                          aux=value.width, s=builder.seed(self.seed))


@register("layer")
class AlphaDropout(_Noise):
    """Dropout for SELU: what is dropped becomes SELU's lowest value, and a line restores moments.

    In training, y = a x + b, and with probability ``rate`` y = a alpha' + b, for alpha' =
    -1.7581 = -alpha scale of SELU, a = ((1 - rate) (1 + rate alpha'^2))^-1/2 and
    b = -a alpha' rate: numbers of mean 0 and variance 1 keep both. Klambauer et al. 2017.

    rate : float in [0, 1).
    noise_shape : None, see Dropout.
    seed : int, or None for one from the package's stream.
    """

    LOWEST = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = _no_shape(noise_shape)
        _below_one(self.rate)

    def lower(self, builder, value):
        if self.rate == 0:
            return value
        a = ((1 - self.rate) * (1 + self.rate * self.LOWEST**2)) ** -0.5
        b = -a * self.LOWEST * self.rate
        return self.noise(builder, value, "alpha_dropout", self.rate, a, b, a * self.LOWEST + b)


@register("layer")
class GaussianDropout(_Noise):
    """In training, y = x (1 + sqrt(rate / (1 - rate)) N), N standard normal for each number.

    That is a factor of the mean and variance that dropout has. Srivastava et al. 2014, section 10.

    rate : float in [0, 1).
    seed : int, or None for one from the package's stream.
    """

    def __init__(self, rate, seed=None, **kwargs):
        super().__init__(rate, seed, **kwargs)
        _below_one(self.rate)

    def lower(self, builder, value):
        if self.rate == 0:
            return value
        deviation = math.sqrt(self.rate / (1 - self.rate))
        return self.noise(builder, value, "gaussian_dropout", deviation)


@register("layer")
class GaussianNoise(_Noise):
    """In training, y = x + stddev N, N standard normal for each number.

    stddev : float in [0, 1].
    seed : int, or None for one from the package's stream.
    """

    def __init__(self, stddev, seed=None, **kwargs):
        super().__init__(0.0, seed, **kwargs)
        self.stddev = share("stddev", stddev)

    def lower(self, builder, value):
        if self.stddev == 0:
            return value
        return self.noise(builder, value, "gaussian_noise", self.stddev)

    def get_config(self):
        config = super().get_config() | {"stddev": self.stddev}
        del config["rate"]
        return config


def share(name: str, value) -> float:
    """``value`` as a float, or a ValueError unless it is a number between 0 and 1."""
    if isinstance(value, (str, bool)) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number between 0 and 1, received {value!r}.")
    return float(value)


def _below_one(rate: float) -> None:
    if rate == 1:
        raise ValueError("rate must be below 1 here, received 1: the noise would be infinite.")


def _no_shape(noise_shape) -> None:
    if noise_shape is not None:
        raise ValueError("noise_shape must be None, every number has a draw of its own; received "
                         f"{noise_shape!r}.")
