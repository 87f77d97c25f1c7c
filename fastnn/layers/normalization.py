"""Layers that normalise: BatchNormalization."""

from __future__ import annotations

import operator

from fastnn import constraints, initializers, regularizers
from fastnn.layers.base import Layer, Weight, refuse
from fastnn.plan import Kind
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


def _number(name: str, value, valid: bool, expected: str) -> float:
    if not valid:
        raise ValueError(f"{name} must be a number {expected}, received {value!r}.")
    return float(value)
