"""Layers that move numbers about: Identity, Permute, RepeatVector, Cropping1D, ZeroPadding1D."""

from __future__ import annotations

import operator

import numpy as np

from fastnn.layers.base import Layer, positive_integer
from fastnn.registry import register


@register("layer")
class Identity(Layer):
    """y = x."""

    def lower(self, builder, value):
        return value


class _Places(Layer):
    """A layer that moves numbers (abstract): ``table`` says which place of x each of y reads."""

    def table(self, places: np.ndarray) -> np.ndarray:
        """``places``, 0, 1, 2, ... in the shape of x, in the shape of y; -1 for a zero."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape):
        self.check(input_shape)
        return self.table(np.arange(int(np.prod(input_shape))).reshape(input_shape)).shape

    def check(self, shape: tuple) -> None:
        """A ValueError for rows of a shape that the layer does not take."""

    def lower(self, builder, value):
        return builder.gather(value, self.table(np.arange(value.width).reshape(value.shape)))


@register("layer")
class Permute(_Places):
    """The axes of a row in another order.

    dims : a permutation of 1, 2, ..., one for each axis of a row: (2, 1) transposes.

    >>> from fastnn.layers import Permute
    >>> Permute((2, 1)).compute_output_shape((10, 64))
    (64, 10)
    """

    def __init__(self, dims, **kwargs):
        super().__init__(**kwargs)
        self.dims = tuple(operator.index(axis) for axis in dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError("dims must be a permutation of 1, 2, ..., one for each axis of a row; "
                             f"received {dims!r}.")

    def check(self, shape):
        if len(shape) != len(self.dims):
            raise ValueError(f"The layer {self.name!r} permutes {len(self.dims)} axes, received "
                             f"rows of shape {shape}.")

    def table(self, places):
        return places.transpose([axis - 1 for axis in self.dims])

    def get_config(self):
        return super().get_config() | {"dims": list(self.dims)}


@register("layer")
class RepeatVector(_Places):
    """A flat row n times: (features,) becomes (n, features).

    >>> from fastnn.layers import RepeatVector
    >>> RepeatVector(3).compute_output_shape((4,))
    (3, 4)
    """

    def __init__(self, n, **kwargs):
        super().__init__(**kwargs)
        self.n = positive_integer("n", n)

    def check(self, shape):
        if len(shape) != 1:
            raise ValueError(f"The layer {self.name!r} repeats flat rows, received rows of shape "
                             f"{shape}. Put Flatten() in front of it.")

    def table(self, places):
        return np.tile(places, (self.n, 1))

    def get_config(self):
        return super().get_config() | {"n": self.n}


class _Steps(_Places):
    """Works at both ends of the first axis of rows (steps, features) (abstract)."""

    def check(self, shape):
        if len(shape) != 2:
            raise ValueError(f"The layer {self.name!r} takes rows of shape (steps, features), "
                             f"received {shape}.")


@register("layer")
class Cropping1D(_Steps):
    """Rows (steps, features) without their first and last steps.

    cropping : int for both ends, or two of them.

    >>> from fastnn.layers import Cropping1D
    >>> Cropping1D((1, 2)).compute_output_shape((10, 4))
    (7, 4)
    """

    def __init__(self, cropping=(1, 1), **kwargs):
        super().__init__(**kwargs)
        self.cropping = _ends("cropping", cropping)

    def check(self, shape):
        super().check(shape)
        if sum(self.cropping) >= shape[0]:
            raise ValueError(f"The layer {self.name!r} crops {sum(self.cropping)} steps, and must "
                             f"leave one; received rows of shape {shape}.")

    def table(self, places):
        return places[self.cropping[0] : len(places) - self.cropping[1]]

    def get_config(self):
        return super().get_config() | {"cropping": list(self.cropping)}


@register("layer")
class ZeroPadding1D(_Steps):
    """Rows (steps, features) with steps of zeros in front and behind.

    padding : int for both ends, or two of them.

    >>> from fastnn.layers import ZeroPadding1D
    >>> ZeroPadding1D(2).compute_output_shape((10, 4))
    (14, 4)
    """

    def __init__(self, padding=1, **kwargs):
        super().__init__(**kwargs)
        self.padding = _ends("padding", padding)

    def table(self, places):
        return np.pad(places, (self.padding, (0, 0)), constant_values=-1)

    def get_config(self):
        return super().get_config() | {"padding": list(self.padding)}


def _ends(name: str, value) -> tuple[int, int]:
    try:
        both = tuple(operator.index(n) for n in (value if np.ndim(value) else (value, value)))
    except TypeError:
        both = ()
    if len(both) != 2 or min(both) < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, or two of them; received "
                         f"{value!r}.")
    return both
