"""Layers that make one value of several: Add, Concatenate, Dot, ...; each is also a function.

>>> import numpy as np
>>> from fastnn import layers
>>> layers.add([np.array([[1.0, 2.0]]), np.array([[3.0, 5.0]])])
array([[4., 7.]], dtype=float32)
"""

from __future__ import annotations

import operator

from fastnn.layers.base import Layer
from fastnn.plan import Kind
from fastnn.registry import register


class Merge(Layer):
    """A layer of several inputs of one shape (abstract); it is called on a list of them."""

    many = True
    least = 1  # inputs

    def check(self, shapes) -> None:
        """A ValueError unless there are as many inputs as it takes."""
        if len(shapes) < self.least:
            raise ValueError(f"The layer {self.name!r} merges a list of at least {self.least} "
                             f"inputs, received {len(shapes)}.")

    def compute_output_shape(self, input_shape):
        self.check(input_shape)
        if len(set(input_shape)) > 1:
            raise ValueError(f"The layer {self.name!r} needs inputs of one shape, received rows of "
                             f"{', '.join(map(str, input_shape))}.")
        return input_shape[0]

    def lower(self, builder, *values):
        result = values[0]
        for value in values[1:]:
            result = self.pair(builder, result, value)
        return result

    def pair(self, builder, one, two):
        """Append the op for two values; more are merged one after the other."""
        raise NotImplementedError


@register("layer")
class Add(Merge):
    """y = x_1 + x_2 + ...

    >>> from fastnn import Input, Model, layers
    >>> x = Input((2,))
    >>> model = Model(x, layers.Add()([x, x]))
    >>> model.predict([[1, 2]])
    array([[2., 4.]], dtype=float32)
    """

    def pair(self, builder, one, two):
        return builder.merge(Kind.ADD, one, two)


@register("layer")
class Subtract(Merge):
    """y = x_1 - x_2, of two inputs."""

    least = 2

    def check(self, shapes):
        if len(shapes) != 2:
            raise ValueError(f"The layer {self.name!r} subtracts one input from another: it takes "
                             f"2, received {len(shapes)}.")

    def pair(self, builder, one, two):
        return builder.merge(Kind.MERGE, one, two, (1.0, -1.0))


@register("layer")
class Multiply(Merge):
    """y = x_1 x_2 ..., element by element."""

    def pair(self, builder, one, two):
        return builder.merge(Kind.MULTIPLY, one, two)


@register("layer")
class Average(Merge):
    """y = (x_1 + x_2 + ...) / n."""

    def lower(self, builder, *values):
        if len(values) == 1:
            return values[0]
        share = 1.0 / len(values)
        result = values[0]
        for value in values[1:-1]:
            result = builder.merge(Kind.ADD, result, value)
        return builder.merge(Kind.MERGE, result, values[-1], (share, share))


@register("layer")
class Maximum(Merge):
    """y = the largest of the inputs, element by element; equal ones share the gradient."""

    def pair(self, builder, one, two):
        return builder.merge(Kind.MERGE, one, two, formula="maximum")


@register("layer")
class Minimum(Merge):
    """y = the smallest of the inputs, element by element; equal ones share the gradient."""

    def pair(self, builder, one, two):
        return builder.merge(Kind.MERGE, one, two, formula="minimum")


@register("layer")
class Concatenate(Merge):
    """The inputs side by side: widths 3 and 2 make 5.

    axis : the axis to join along, the batch being 0; fastnn joins the first axis of the rows, which
        for flat rows is also -1.

    >>> from fastnn.layers import Concatenate
    >>> Concatenate().compute_output_shape([(3,), (2,)])
    (5,)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = operator.index(axis)

    def compute_output_shape(self, input_shape):
        self.check(input_shape)
        rest = {shape[1:] for shape in input_shape}
        if self.axis not in (1, -len(input_shape[0])):
            raise ValueError(
                f"The layer {self.name!r} joins the first axis of the rows (axis=1), received "
                f"axis={self.axis} for rows of shape {input_shape[0]}.")
        if len(rest) > 1 or not all(input_shape):
            raise ValueError(f"The layer {self.name!r} needs inputs that differ in axis 1 only, "
                             f"received rows of {', '.join(map(str, input_shape))}.")
        return (sum(shape[0] for shape in input_shape), *input_shape[0][1:])

    def pair(self, builder, one, two):
        return builder.merge(Kind.CONCATENATE, one, two)

    def get_config(self):
        return super().get_config() | {"axis": self.axis}


@register("layer")
class Dot(Merge):
    """y = sum_j x_1j x_2j, of two inputs of flat rows: shape (n, 1).

    axes : 1 or -1 (or a pair of these), the axis to sum over.
    normalize : divide each row by its norm first: y is then the cosine of the angle between them.
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        self.axes = tuple(axes) if isinstance(axes, (list, tuple)) else operator.index(axes)
        self.normalize = bool(normalize)

    def compute_output_shape(self, input_shape):
        shape = super().compute_output_shape(input_shape)
        pair = self.axes if isinstance(self.axes, tuple) else (self.axes, self.axes)
        if len(input_shape) != 2 or len(shape) != 1 or len(pair) != 2 or {*pair} - {1, -1}:
            raise ValueError(f"The layer {self.name!r} takes two inputs of flat rows and axes=1, "
                             f"received axes={self.axes} and rows of "
                             f"{', '.join(map(str, input_shape))}.")
        return (1,)

    def pair(self, builder, one, two):
        return builder.merge(Kind.DOT, one, two, (float(self.normalize),))

    def get_config(self):
        axes = list(self.axes) if isinstance(self.axes, tuple) else self.axes
        return super().get_config() | {"axes": axes, "normalize": self.normalize}


def add(inputs, **kwargs):
    """``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs, axis=-1, **kwargs):
    """``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis, **kwargs)(inputs)


def dot(inputs, axes=-1, **kwargs):
    """``Dot(axes, **kwargs)(inputs)``."""
    return Dot(axes, **kwargs)(inputs)
