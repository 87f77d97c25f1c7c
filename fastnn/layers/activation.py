"""Activations as layers of their own: ReLU, LeakyReLU, PReLU, ELU, Softmax.

Each is the activation of that name, or, for PReLU, has an op of its own.
"""

from __future__ import annotations

import math
import operator

from fastnn import activations, constraints, initializers, regularizers
from fastnn.layers.base import Layer, Weight
from fastnn.plan import Kind
from fastnn.registry import register, serialize


class ActivationLayer(Layer):
    """y = activation(x) for an activation that the arguments make (abstract)."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activation

    def compute_output_shape(self, input_shape):
        return self.activation.output_shape(input_shape)

    def lower(self, builder, value):
        return builder.activate(value, self.activation)

    def get_config(self):
        return super().get_config() | self.activation.get_config()


@register("layer")
class ReLU(ActivationLayer):
    """y = min(x, max_value) for x > threshold, else negative_slope (x - threshold).

    max_value, negative_slope, threshold : zero or positive; ``max_value=None`` is no bound.

    >>> from fastnn.layers import ReLU
    >>> ReLU(max_value=6).activation([-1.0, 3.0, 9.0])
    array([0., 3., 6.])
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        activation = activations.ReLU(negative_slope, max_value, threshold)
        if activation.threshold < 0:
            raise ValueError(f"threshold must be zero or positive, received {threshold!r}.")
        super().__init__(activation, **kwargs)


@register("layer")
class LeakyReLU(ActivationLayer):
    """y = x for x > 0, else negative_slope x. The slope is 0.3 as in ``keras.layers``."""

    def __init__(self, negative_slope=0.3, **kwargs):
        super().__init__(activations.LeakyReLU(negative_slope), **kwargs)


@register("layer")
class ELU(ActivationLayer):
    """y = x for x > 0, else alpha (exp(x) - 1)."""

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(activations.ELU(alpha), **kwargs)


@register("layer")
class Softmax(ActivationLayer):
    """y_j = exp(x_j) / sum_i exp(x_i) over the last axis.

    axis : -1, the last; the only one that fastnn has in a layer.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(activations.Softmax(axis), **kwargs)


@register("layer")
class PReLU(Layer):
    """y = x for x > 0, else alpha x, with an alpha that is trained. He et al. 2015, eq. 1.

    ``alpha`` has the shape of a row, with 1 in the shared axes.

    shared_axes : axes, counted from 1 (0 is the batch's), along which all have one alpha. Those
        that are not shared must be neighbours.
    alpha_constraint : what alpha must satisfy after each update.

    >>> from fastnn.layers import PReLU
    >>> layer = PReLU(alpha_initializer=[0.5, 2.0], input_shape=(2,))
    >>> layer.ensure_built((2,)), layer.alpha
    ((2,), array([0.5, 2. ], dtype=float32))
    """

    alpha = Weight()

    def __init__(self, alpha_initializer="zeros", alpha_regularizer=None, alpha_constraint=None,
                 shared_axes=None, **kwargs):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        axes = shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = None if shared_axes is None else [operator.index(i) for i in axes]

    def build(self, input_shape):
        self.add_weight("alpha", self._alpha_shape(input_shape), self.alpha_initializer,
                        regularizer=self.alpha_regularizer, constraint=self.alpha_constraint)

    def _alpha_shape(self, input_shape):
        rank, shape = len(input_shape), list(input_shape)
        for axis in self.shared_axes or ():
            if not 1 <= axis <= rank:
                raise ValueError(f"The layer {self.name!r} has rows of shape {input_shape}, whose "
                                 f"axes are 1 to {rank}; received shared_axes={self.shared_axes}.")
            shape[axis - 1] = 1
        own = [i for i, (n, size) in enumerate(zip(shape, input_shape, strict=True))
               if n == size and n > 1]
        if own and any(shape[i] != input_shape[i] for i in range(own[0], own[-1])):
            raise ValueError(f"The layer {self.name!r} needs the axes that are not shared side by "
                             f"side, received shared_axes={self.shared_axes} for rows of shape "
                             f"{input_shape}.")
        return tuple(shape)

    def lower(self, builder, value):
        shape = self.variables["alpha"].shape
        last = max((i for i, n in enumerate(shape) if n > 1), default=len(shape) - 1)
        return builder.op(Kind.PRELU, value, shape=value.shape, trains=self.trainable,
                          m=math.prod(shape), s=math.prod(value.shape[last + 1 :]),
                          w=self.offset("alpha"))

    def get_config(self):
        return super().get_config() | {
            "alpha_initializer": serialize(self.alpha_initializer),
            "alpha_regularizer": serialize(self.alpha_regularizer),
            "alpha_constraint": serialize(self.alpha_constraint),
            "shared_axes": self.shared_axes,
        }
