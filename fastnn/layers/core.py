"""The layers of plain networks: Input, Dense, Activation, Flatten, Reshape."""

from __future__ import annotations

import math
import operator
from dataclasses import replace

import numpy as np

from fastnn import activations, constraints, initializers, regularizers
from fastnn.layers.base import Layer, Weight, positive_integer, refuse, standard_shape
from fastnn.layers.graph import Node, Tensor
from fastnn.plan import Kind
from fastnn.registry import register, serialize


@register("layer")
class InputLayer(Layer):
    """Where the data comes in: rows of ``shape``.

    shape : tuple, without the batch axis.
    batch_size : int or None, shown in shapes; training may use any other.
    """

    def __init__(self, shape, batch_size=None, **kwargs):
        super().__init__(**kwargs)
        self.shape = standard_shape(shape)
        self.batch_size = None if batch_size is None else positive_integer("batch_size", batch_size)
        self.shapes = self.shape, self.shape

    @property
    def batch_shape(self) -> tuple:
        """The shape with the batch axis in front."""
        return (self.batch_size, *self.shape)

    def _first_node(self):
        return self.nodes[0] if self.nodes else Node(self, (), [self.shape])

    def lower(self, builder, value=None):
        return builder.input(self.shape)

    def get_config(self):
        return {"shape": list(self.shape), "batch_size": self.batch_size, **super().get_config()}


def Input(shape=None, batch_size=None, dtype=None, name=None, batch_shape=None) -> Tensor:
    """The input of a model: rows of ``shape``, given without the batch axis.

    A symbolic tensor, to call layers on; or the beginning of a Sequential.
    batch_shape : (batch_size, *shape) instead of both.
    dtype : whole numbers come in as floats: up to 2^24 they lose nothing.

    >>> from fastnn import Input, Sequential, layers
    >>> Sequential([Input(shape=(2,)), layers.Dense(3)]).count_params()
    9
    """
    if batch_shape is not None:
        batch_size, *shape = batch_shape
    if shape is None:
        raise ValueError("Input needs the shape of a row, for example Input(shape=(784,)).")
    dtype = None if _is_whole(dtype) else dtype
    return InputLayer(shape, batch_size, dtype=dtype, name=name).output


def _is_whole(dtype) -> bool:
    try:
        return dtype is not None and np.dtype(dtype).kind in "iub"
    except TypeError:
        return False


@register("layer")
class Dense(Layer):
    """y = activation(x @ kernel + bias): every output sees every input.

    ``kernel`` is (inputs, units), ``bias`` (units,). Rows of several axes have it along the last
    one, at each place of the others: (5, inputs) becomes (5, units). ``Flatten()`` in front lets
    every output see all of them.

    >>> from fastnn.layers import Dense
    >>> layer = Dense(3, activation="relu", input_dim=2)
    >>> layer.ensure_built((2,)), layer.kernel.shape, layer.count_params()
    ((3,), (2, 3), 9)
    """

    kernel, bias = Weight(), Weight()

    def __init__(self, units, activation=None, use_bias=True,
                 kernel_initializer="glorot_uniform", bias_initializer="zeros",
                 kernel_regularizer=None, bias_regularizer=None, activity_regularizer=None,
                 kernel_constraint=None, bias_constraint=None, lora_rank=None, lora_alpha=None,
                 quantization_config=None, **kwargs):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        refuse("Dense", lora_rank=(lora_rank, None), lora_alpha=(lora_alpha, None),
               quantization_config=(quantization_config, None))
        self.units = positive_integer("units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def build(self, input_shape):
        self.add_weight("kernel", (input_shape[-1], self.units), self.kernel_initializer,
                        regularizer=self.kernel_regularizer, constraint=self.kernel_constraint)
        if self.use_bias:
            self.add_weight("bias", (self.units,), self.bias_initializer,
                            regularizer=self.bias_regularizer, constraint=self.bias_constraint)

    def compute_output_shape(self, input_shape):
        if not input_shape:
            raise ValueError(f"The layer {self.name!r} is Dense and takes rows of at least one "
                             "axis, received single numbers. Put Reshape((1,)) in front of it.")
        return self.activation.output_shape((*input_shape[:-1], self.units))

    def lower(self, builder, value):
        flat = replace(value, shape=(math.prod(value.shape[:-1]), value.shape[-1]))
        return replace(self._at_places(builder, flat),
                       shape=self.compute_output_shape(value.shape))

    def _at_places(self, builder, value):
        """The outputs at the places of a value (places, inputs), half of them after the other."""
        places, k = value.shape
        if places == 1:
            return self._at_place(builder, replace(value, shape=(k,)))
        numbers = np.split(np.arange(places * k).reshape(places, k), [places // 2])
        halves = [self._at_places(builder, builder.gather(half, table))
                  for half, table in zip(builder.fork(value), numbers, strict=True)]
        return builder.merge(Kind.CONCATENATE, *(replace(half, shape=(half.width,))
                                                 for half in halves))

    def _at_place(self, builder, value):
        z = builder.op(Kind.DENSE, value, shape=(self.units,), trains=self.trainable,
                       w=self.offset("kernel"), b=self.offset("bias"))
        return builder.activate(z, self.activation)

    def get_config(self):
        return super().get_config() | {
            "units": self.units,
            "activation": serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": serialize(self.kernel_initializer),
            "bias_initializer": serialize(self.bias_initializer),
            "kernel_regularizer": serialize(self.kernel_regularizer),
            "bias_regularizer": serialize(self.bias_regularizer),
            "kernel_constraint": serialize(self.kernel_constraint),
            "bias_constraint": serialize(self.bias_constraint),
        }


@register("layer")
class Activation(Layer):
    """y = activation(x), element by element or, for softmax, row by row."""

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def compute_output_shape(self, input_shape):
        return self.activation.output_shape(input_shape)

    def lower(self, builder, value):
        return builder.activate(value, self.activation)

    def get_config(self):
        return super().get_config() | {"activation": serialize(self.activation)}


@register("layer")
class Flatten(Layer):
    """Each row's numbers in one axis, the last axis fastest: (28, 28) becomes (784,)."""

    def compute_output_shape(self, input_shape):
        return (math.prod(input_shape),)

    def lower(self, builder, value):
        return replace(value, shape=(value.width,))


@register("layer")
class Reshape(Layer):
    """Each row in another shape of as many numbers; one axis may be -1, "what is left".

    >>> from fastnn.layers import Reshape
    >>> Reshape((-1, 4)).compute_output_shape((2, 6))
    (3, 4)
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        try:
            self.target_shape = tuple(operator.index(n) for n in target_shape)
        except TypeError:
            self.target_shape = (0,)
        if self.target_shape.count(-1) > 1 or any(n == 0 or n < -1 for n in self.target_shape):
            raise ValueError("target_shape must be a tuple of positive whole numbers, of which one "
                             f"may be -1; received {target_shape!r}.")

    def compute_output_shape(self, input_shape):
        size = math.prod(input_shape)
        known = math.prod(n for n in self.target_shape if n != -1)
        shape = tuple(size // known if n == -1 else n for n in self.target_shape)
        if math.prod(shape) != size:
            raise ValueError(f"The layer {self.name!r} cannot bring rows of shape {input_shape} "
                             f"({size} numbers) into the shape {self.target_shape}.")
        return shape

    def lower(self, builder, value):
        return replace(value, shape=self.shapes[1])

    def get_config(self):
        return super().get_config() | {"target_shape": list(self.target_shape)}
