"""Layers that fight overfitting: by a penalty of what passes (ActivityRegularization), or by noise.

Dropout, AlphaDropout, GaussianDropout and GaussianNoise pass x on in prediction. In training every
step draws its own numbers, which are a function of (seed, step, row, column).
"""

from __future__ import annotations

import math
import operator

import numpy as np

from fastnn import random, regularizers
from fastnn.layers.base import Layer
from fastnn.layers.preprocessing import fixed_map
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


class _Dropping(_Noise):
    """A layer that drops numbers (abstract): one draw for each, or one for several together.

    A subclass has ``drop``, and ``shifts`` if what it makes of 0 is not 0.
    """

    shifts = False

    def __init__(self, rate, noise_shape, seed, **kwargs):
        super().__init__(rate, seed, **kwargs)
        self.noise_shape = noise_shape if noise_shape is None else tuple(noise_shape)

    def drop(self, builder, value):
        """The value with a draw for each of its numbers."""
        raise NotImplementedError

    def draws(self, shape: tuple) -> tuple:
        """The shape of the draws for rows of a shape."""
        if self.noise_shape is None:
            return shape
        batch, *axes = self.noise_shape
        found = tuple(n if axis is None else axis for n, axis in zip(shape, axes, strict=False))
        fits = all(axis in (1, n) for n, axis in zip(shape, found, strict=True))
        if len(axes) != len(shape) or batch == 1 or not fits:
            raise ValueError(
                f"The layer {self.name!r} needs a noise_shape of {len(shape) + 1} axes, the batch "
                f"first (None), then 1 or the length for each axis of rows of shape {shape}; "
                f"received {self.noise_shape}.")
        return found

    def compute_output_shape(self, input_shape):
        self.draws(input_shape)
        return input_shape

    def lower(self, builder, value):
        shape = self.draws(value.shape)
        if self.rate == 0:
            return value
        if shape == value.shape:
            return self.drop(builder, value)

        def spread(drawn):
            places = np.arange(drawn.width).reshape(shape)
            return builder.gather(drawn, np.broadcast_to(places, value.shape))

        # with its draws a drop is a line, a x + b: b is what it makes of zeros, a + b of ones
        x, other = builder.fork(value)
        zeros = builder.gather(other, np.full(shape, -1))
        if not self.shifts:
            factors = self.drop(builder, fixed_map(builder, zeros, 0.0, 1.0, 1.0))
            return builder.merge(Kind.MULTIPLY, x, spread(factors))
        zeros, more = builder.fork(zeros)
        b, same = builder.fork(self.drop(builder, zeros))
        ones = self.drop(builder, fixed_map(builder, more, 0.0, 1.0, 1.0))
        a = builder.merge(Kind.MERGE, ones, same, (1.0, -1.0))
        return builder.merge(Kind.ADD, builder.merge(Kind.MULTIPLY, x, spread(a)), spread(b))

    def get_config(self):
        shape = self.noise_shape
        return super().get_config() | {"noise_shape": shape if shape is None else list(shape)}


@register("layer")
class Dropout(_Dropping):
    """In training, y = 0 with probability ``rate``, else x / (1 - rate), for each number.

    In prediction, y = x. Every step has its own mask, a function of (seed, step, row,
    column). Srivastava et al. 2014, in the inverted form that needs no scaling in prediction.

    rate : float in [0, 1]; 1 drops everything.
    noise_shape : None, every number has a draw of its own; or the shape of the draws, the batch
        first: None for a length that stays, 1 for an axis whose numbers share one draw.
        (None, 1, None) drops whole columns of rows of shape (5, 8).
    seed : int, or None for one from the package's stream.
    """

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(rate, noise_shape, seed, **kwargs)

    def drop(self, builder, value):
        return builder.op(Kind.DROPOUT, value, shape=value.shape, numbers=(self.rate,),
                          aux=value.width, s=builder.seed(self.seed))


@register("layer")
class AlphaDropout(_Dropping):
    """Dropout for SELU: what is dropped becomes SELU's lowest value, and a line restores moments.

    In training, y = a x + b, and with probability ``rate`` y = a alpha' + b, for alpha' =
    -1.7581 = -alpha scale of SELU, a = ((1 - rate) (1 + rate alpha'^2))^-1/2 and
    b = -a alpha' rate: numbers of mean 0 and variance 1 keep both. Klambauer et al. 2017.

    rate : float in [0, 1).
    noise_shape : as that of Dropout.
    seed : int, or None for one from the package's stream.
    """

    LOWEST = -1.6732632423543772848170429916717 * 1.0507009873554804934193349852946
    shifts = True

    def __init__(self, rate, noise_shape=None, seed=None, **kwargs):
        super().__init__(rate, noise_shape, seed, **kwargs)
        _below_one(self.rate)

    def drop(self, builder, value):
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
