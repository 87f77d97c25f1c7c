"""Layers that normalise: over the rows of a batch, or over the numbers of each row."""

from __future__ import annotations

import math
import operator

import numpy as np

from fastnn import constraints, initializers, regularizers
from fastnn.layers.base import Layer, Weight, refuse
from fastnn.plan import ROW_NORMS, Kind
from fastnn.registry import register, serialize


@register("layer")
class BatchNormalization(Layer):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta, for each channel of the last axis.

    In training, mean and (biased) variance are the batch's, and the moving ones follow them:
    moving <- momentum moving + (1 - momentum) batch. In prediction, and with ``trainable=False``,
    the moving ones are used. A batch of one row has variance 0, so y = beta. Ioffe & Szegedy 2015,
    algorithms 1 and 2.

    axis : -1, the last; the only one that fastnn has.
    center, scale : whether there is a beta, a gamma.
    """

    gamma, beta, moving_mean, moving_variance = Weight(), Weight(), Weight(), Weight()

    def __init__(self, axis=-1, momentum=0.99, epsilon=0.001, center=True, scale=True,
                 beta_initializer="zeros", gamma_initializer="ones",
                 moving_mean_initializer="zeros", moving_variance_initializer="ones",
                 beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
                 gamma_constraint=None, renorm=False, renorm_clipping=None, renorm_momentum=0.99,
                 synchronized=False, **kwargs):
        super().__init__(**kwargs)
        refuse("BatchNormalization", renorm=(renorm, False), synchronized=(synchronized, False),
               renorm_clipping=(renorm_clipping, None), renorm_momentum=(renorm_momentum, 0.99))
        self.axis = operator.index(axis)
        self.momentum = _number("momentum", momentum, 0 <= momentum <= 1, "between 0 and 1")
        self.epsilon = _number("epsilon", epsilon, epsilon > 0, "above 0")
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape):
        if self.axis not in (-1, len(input_shape)):  # axis 0 is the batch's
            raise ValueError(f"The layer {self.name!r} normalises the last axis (axis=-1), "
                             f"received axis={self.axis} for rows of shape {input_shape}.")
        shape = input_shape[-1:]
        if self.scale:
            self.add_weight("gamma", shape, self.gamma_initializer,
                            regularizer=self.gamma_regularizer, constraint=self.gamma_constraint)
        if self.center:
            self.add_weight("beta", shape, self.beta_initializer,
                            regularizer=self.beta_regularizer, constraint=self.beta_constraint)
        # in the parameter vector the variance lies right behind the mean: the op has one offset
        self.add_weight("moving_mean", shape, self.moving_mean_initializer, trainable=False)
        self.add_weight("moving_variance", shape, self.moving_variance_initializer, trainable=False)

    def lower(self, builder, value):
        m = value.shape[-1]
        return builder.op(
            Kind.BATCH_NORM, value, shape=value.shape,
            trains=self.trainable and (self.scale or self.center), frozen=int(not self.trainable),
            numbers=(self.momentum, self.epsilon), keep=m, aux=value.width, m=m,
            w=self.offset("gamma"), b=self.offset("beta"), s=self.offset("moving_mean"))

    def get_config(self):
        names = ("axis", "momentum", "epsilon", "center", "scale")
        objects = ("beta_initializer", "gamma_initializer", "moving_mean_initializer",
                   "moving_variance_initializer", "beta_regularizer", "gamma_regularizer",
                   "beta_constraint", "gamma_constraint")
        return (super().get_config() | {name: getattr(self, name) for name in names}
                | {name: serialize(getattr(self, name)) for name in objects})


class _RowNormalization(Layer):
    """A normalization of each row on its own (abstract).

    A subclass has ``axis`` and ``epsilon``. Statistics run over the axes ``axis`` of a row, for
    every place in its other axes: a value is brought into a form where they are the last ones.
    """

    def __init__(self, axis, epsilon, **kwargs):
        super().__init__(**kwargs)
        self.axis = _axes(axis)
        self.epsilon = _number("epsilon", epsilon, epsilon > 0, "above 0")

    def places(self, shape) -> list[int]:
        """The axes of a row (its first is 0) that the statistics run over, in order."""
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        found = sorted(axis % (len(shape) + 1) - 1 for axis in axes
                       if -len(shape) - 1 <= axis <= len(shape))
        if len(set(found)) < len(axes) or found[0] < 0:
            raise ValueError(f"The layer {self.name!r} needs different axes from 1 to {len(shape)} "
                             f"(0 is the batch's) for rows of shape {shape}, received "
                             f"axis={self.axis}.")
        return found

    def compute_output_shape(self, input_shape):
        self.places(input_shape)
        return input_shape

    def normalize(self, builder, value, kind, axes, groups=1, pooled=False, scale="gamma"):
        """The op for a value whose row, ``axes`` put last, is (positions, channels)."""
        shape = value.shape
        rest = [axis for axis in range(len(shape)) if axis not in axes]
        order = np.transpose(np.arange(value.width).reshape(shape), rest + axes)
        moved = order.ravel().tolist() != list(range(value.width))
        if moved:
            value = builder.gather(value, order)
        m = math.prod(shape[axis] for axis in axes)
        w, b = self.offset(scale), self.offset("beta")
        value = builder.op(
            Kind.ROW_NORM, value, shape=value.shape, formula=ROW_NORMS.index(kind), m=m, s=groups,
            sums=int(pooled), trains=self.trainable and max(w, b) >= 0, numbers=(self.epsilon,),
            aux=value.width, keep=groups if pooled else value.width // m * groups, w=w, b=b)
        if moved:
            value = builder.gather(value, np.argsort(order.ravel()).reshape(shape))
        return value

    def get_config(self):
        return super().get_config() | {"axis": self.axis, "epsilon": self.epsilon}


class _Scaled(_RowNormalization):
    """A row normalization with Keras's gamma and beta (abstract)."""

    gamma, beta = Weight(), Weight()

    def __init__(self, axis, epsilon, center, scale, beta_initializer, gamma_initializer,
                 beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint, **kwargs):
        super().__init__(axis, epsilon, **kwargs)
        self.center = bool(center)
        self.scale = bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def build(self, input_shape):
        shape = [input_shape[axis] for axis in self.places(input_shape)]
        if self.scale:
            self.add_weight("gamma", shape, self.gamma_initializer,
                            regularizer=self.gamma_regularizer, constraint=self.gamma_constraint)
        if self.center:
            self.add_weight("beta", shape, self.beta_initializer,
                            regularizer=self.beta_regularizer, constraint=self.beta_constraint)

    def get_config(self):
        objects = ("beta_initializer", "gamma_initializer", "beta_regularizer", "gamma_regularizer",
                   "beta_constraint", "gamma_constraint")
        return (super().get_config() | {"center": self.center, "scale": self.scale}
                | {name: serialize(getattr(self, name)) for name in objects})


@register("layer")
class LayerNormalization(_Scaled):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta over the axes ``axis`` of a row.

    The same in training and in prediction: a row never sees the others. The variance is the biased
    one. Ba, Kiros, Hinton 2016, equation 3.

    axis : int or a list of them, counted with the batch's axis as 0; -1 is the last.
    center, scale : whether there is a beta, a gamma, of the shape of these axes.
    rms_scaling : what Keras kept from earlier days, deprecated there: y = gamma x / sqrt(variance
        + epsilon). For a root mean square use RMSNormalization.

    >>> import numpy as np
    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((2,)), layers.LayerNormalization()])
    >>> model.predict(np.array([[1.0, 5.0]])).round(3)
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(self, axis=-1, epsilon=0.001, center=True, scale=True, beta_initializer="zeros",
                 gamma_initializer="ones", beta_regularizer=None, gamma_regularizer=None,
                 beta_constraint=None, gamma_constraint=None, *, rms_scaling=False, **kwargs):
        self.rms_scaling = bool(rms_scaling)
        super().__init__(axis, epsilon, center, scale, beta_initializer, gamma_initializer,
                         beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint,
                         **kwargs)

    def build(self, input_shape):
        center, scale = self.center, self.scale
        if self.rms_scaling:  # has a gamma and no beta, whatever is asked for
            self.center, self.scale = False, True
        super().build(input_shape)
        self.center, self.scale = center, scale

    def lower(self, builder, value):
        kind = "scaled" if self.rms_scaling else "layer"
        return self.normalize(builder, value, kind, self.places(value.shape))

    def get_config(self):
        return super().get_config() | {"rms_scaling": self.rms_scaling}


@register("layer")
class RMSNormalization(_RowNormalization):
    """y = scale x / sqrt(mean of x^2 + epsilon) over the axes ``axis`` of a row.

    Zhang & Sennrich 2019, equation 4.

    axis : int or a list of them, counted with the batch's axis as 0; -1 is the last.

    >>> import numpy as np
    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((2,)), layers.RMSNormalization()])
    >>> model.predict(np.array([[1.0, 7.0]])).round(3)
    array([[0.2, 1.4]], dtype=float32)
    """

    scale = Weight()

    def __init__(self, axis=-1, epsilon=1e-6, **kwargs):
        super().__init__(axis, epsilon, **kwargs)

    def build(self, input_shape):
        shape = [input_shape[axis] for axis in self.places(input_shape)]
        self.add_weight("scale", shape, "ones")

    def lower(self, builder, value):
        return self.normalize(builder, value, "rms", self.places(value.shape), scale="scale")


@register("layer")
class UnitNormalization(_RowNormalization):
    """y = x / sqrt(sum of x^2) over the axes ``axis`` of a row; 0 stays 0.

    axis : int or a list of them, counted with the batch's axis as 0; -1 is the last.

    >>> import numpy as np
    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((2,)), layers.UnitNormalization()])
    >>> model.predict(np.array([[3.0, 4.0]])).round(3)
    array([[0.6, 0.8]], dtype=float32)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(axis, 1e-12, **kwargs)

    def lower(self, builder, value):
        return self.normalize(builder, value, "unit", self.places(value.shape))

    def get_config(self):
        config = super().get_config()
        del config["epsilon"]
        return config


@register("layer")
class GroupNormalization(_Scaled):
    """y = gamma (x - mean) / sqrt(variance + epsilon) + beta over groups of channels of a row.

    The channels of the axis ``axis`` are cut into ``groups`` of neighbours; a group's statistics
    run over its channels and all other axes. Wu & He 2018, equations 1, 2 and 7.

    groups : divides the number of channels; -1 for as many as there are.
    axis : int, counted with the batch's axis as 0; -1 is the last.
    center, scale : whether there is a beta, a gamma, one number for each channel.

    >>> import numpy as np
    >>> from fastnn import Input, Sequential, layers
    >>> model = Sequential([Input((4,)), layers.GroupNormalization(2)])
    >>> model.predict(np.array([[1.0, 5.0, 10.0, 30.0]])).round(3)
    array([[-1.,  1., -1.,  1.]], dtype=float32)
    """

    def __init__(self, groups=32, axis=-1, epsilon=0.001, center=True, scale=True,
                 beta_initializer="zeros", gamma_initializer="ones", beta_regularizer=None,
                 gamma_regularizer=None, beta_constraint=None, gamma_constraint=None, **kwargs):
        super().__init__(operator.index(axis), epsilon, center, scale, beta_initializer,
                         gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
                         gamma_constraint, **kwargs)
        try:
            self.groups = operator.index(groups)
        except TypeError:
            self.groups = 0
        if self.groups < 1 and self.groups != -1:
            raise ValueError("groups must be a positive whole number, or -1 for one group a "
                             f"channel; received {groups!r}.")

    def compute_output_shape(self, input_shape):
        channels = input_shape[self.places(input_shape)[0]]
        if self.groups > 0 and channels % self.groups:
            raise ValueError(f"The layer {self.name!r} cannot cut {channels} channels, of rows of "
                             f"shape {input_shape}, into groups={self.groups} of equal size.")
        return input_shape

    def lower(self, builder, value):
        axes = self.places(value.shape)
        groups = value.shape[axes[0]] if self.groups == -1 else self.groups
        return self.normalize(builder, value, "layer", axes, groups, pooled=True)

    def get_config(self):
        return super().get_config() | {"groups": self.groups}


def _axes(axis):
    """An int, or a list of ints."""
    try:
        return operator.index(axis)
    except TypeError:
        pass
    try:
        axes = [operator.index(number) for number in axis]
    except TypeError:
        axes = []
    if not axes:
        raise TypeError(f"axis must be a whole number or a list of them, received {axis!r}.")
    return axes


def _number(name: str, value, valid: bool, expected: str) -> float:
    if not valid:
        raise ValueError(f"{name} must be a number {expected}, received {value!r}.")
    return float(value)
