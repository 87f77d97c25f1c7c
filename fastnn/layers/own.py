"""Layers of one's own in Python: ``call`` on arrays, and ``backward`` for its gradient.

>>> import numpy as np
>>> from fastnn import Input, Sequential, layers
>>> class Scale(layers.Layer):
...     def build(self, input_shape):
...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones")
...     def call(self, inputs):
...         return inputs * self.factor
...     def backward(self, inputs, outputs, gradient):
...         return gradient * self.factor, (gradient * inputs).sum(axis=0)
>>> model = Sequential([Input((2,)), Scale()])
>>> model.predict(np.array([[1.0, 2.0]]))
array([[1., 2.]], dtype=float32)

Such a layer sees a whole batch, the batch axis included, also in the shapes of ``build`` and
``compute_output_shape``. ``backward(inputs, outputs, gradient)`` gets what ``call`` was given, what
it returned and the loss's derivative in that; it returns the derivative in the inputs or, where the
layer has trained weights, that and the derivative in each of them, in the order of ``add_weight``.
It is compared with differences of ``call`` before the first step. Without a ``backward`` the
gradient goes through the functions of NumPy and `fastnn.ops` that ``call`` is made of, as far as
`fastnn.tracing` knows theirs. The model runs step by step on the NumPy backend, and says so.

A layer whose ``call`` does nothing but call other layers, its attributes, is no such layer: it is
put together from theirs, and compiled.
"""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from inspect import signature

import numpy as np

from fastnn.naming import snake_case
from fastnn.tracing import Traced, pulled

_STEP = 1e-6  # of the differences, in float64
_CLOSE = 1e-4


class Call:
    """A layer's ``call`` and ``backward`` as an op of a plan: on rows, and with any parameters."""

    def __init__(self, layer):
        self.layer = layer
        self.shapes = layer.shapes
        self.places = [(variable, variable.offset) for variable in layer.weights]
        self.takes_training = "training" in signature(layer.call).parameters
        self.lock = threading.RLock()
        self.checked = False
        self.adds = False  # to the gradients of a later call of the same layer

    def forward(self, x: np.ndarray, params: np.ndarray, training: bool) -> np.ndarray:
        """The output rows (n, m) of input rows (n, k)."""
        given = x.reshape(len(x), *self.shapes[0])
        with self._bound(params):
            made = np.asarray(self._call(given, training))
        wanted = (len(x), *self.shapes[1])
        if made.shape != wanted:
            raise ValueError(f"The layer {self.layer.name!r} should return an array of shape "
                             f"{wanted}; its call returned {made.shape}.")
        return made.reshape(len(x), -1)

    def backward(self, x, y, dy, params, grads) -> np.ndarray:
        """The derivative (n, k) in the input rows; those in the weights go into ``grads``."""
        shape, made = (len(x), *self.shapes[0]), (len(x), *self.shapes[1])
        with self._bound(params):
            if not self.checked:
                _check(self)
                self.checked = True
            found = self._backward(x.reshape(shape), y.reshape(made), dy.reshape(made))
        for (variable, offset), gradient in zip(self._trained(), found[1:], strict=True):
            if grads is not None:
                part = grads[offset : offset + variable.size]
                part[:] = part + gradient.ravel() if self.adds else gradient.ravel()
        return found[0].reshape(len(x), -1)

    def _call(self, x, training: bool):
        return self.layer.call(x, training=training) if self.takes_training else (
            self.layer.call(x))

    def _trained(self) -> list:
        return [(v, offset) for v, offset in self.places if v.trainable and self.layer.trainable]

    def _backward(self, x, y, dy) -> list[np.ndarray]:
        """[the derivative in x, those in the trained weights], of the right shapes."""
        if not callable(getattr(self.layer, "backward", None)):
            return self._derived(x, dy)
        found = self.layer.backward(x, y, dy)
        found = [np.asarray(part) for part in (found if isinstance(found, (tuple, list))
                                               else [found])]
        wanted = [x.shape, *(variable.shape for variable, _ in self._trained())]
        if [part.shape for part in found] != wanted:
            raise ValueError(f"The backward of the layer {self.layer.name!r} should return arrays "
                             f"of shapes {wanted}: of its inputs and its trained weights. It "
                             f"returned {[part.shape for part in found]}.")
        return found

    def _derived(self, x, dy) -> list[np.ndarray]:
        """The same, of the functions that ``call`` is made of."""
        inputs = Traced(x)
        trained = [variable for variable, _ in self._trained()]
        before = [variable.value for variable in trained]
        traced = [Traced(value) for value in before]
        try:
            for variable, stand_in in zip(trained, traced, strict=True):
                variable.lend(stand_in)
            made = self._call(inputs, True)
        except TypeError as error:
            raise TypeError(
                f"The gradient of the layer {self.layer.name!r} is not known: {error} Besides its "
                f"call, {type(self.layer).__name__} can have backward(inputs, outputs, gradient)."
            ) from error
        finally:
            for variable, value in zip(trained, before, strict=True):
                variable.lend(value)
        return pulled(made, dy, [inputs, *traced])

    @contextmanager
    def _bound(self, params):
        """Inside, the layer's variables are views of these parameters."""
        before = [variable.value for variable, _ in self.places]
        views = [params[offset : offset + v.size].reshape(v.shape) for v, offset in self.places]
        if all(np.may_share_memory(a, b) for a, b in zip(before, views, strict=True)):
            yield
            return
        with self.lock:
            try:
                for (variable, _), view in zip(self.places, views, strict=True):
                    variable.lend(view)
                yield
            finally:
                for (variable, _), value in zip(self.places, before, strict=True):
                    variable.lend(value)


def lower(layer, builder, value):
    """Append the op of a layer in Python."""
    call = Call(layer)
    for other in builder.calls:  # whose backward comes after this one's
        other.adds |= other.layer is layer
    return builder.python(call, value, layer.shapes[1], bool(layer.trainable_weights))


def is_own(layer) -> bool:
    """Whether a layer says what it does by ``call``."""
    from fastnn.layers.base import Layer

    return type(layer).lower is Layer.lower and callable(getattr(layer, "call", None))


def build(layer, input_shape: tuple, first: bool) -> tuple:
    """Build a layer for rows of a shape, if it is the first; the shape of an output row.

    That is by the layer's own word, or by a call on two rows of zeros.
    """
    from fastnn.layers.base import Layer

    if first:
        layer.build((None, *input_shape))
        layer.inner = _of_layers(layer, input_shape)
    if layer.inner is not None:
        return layer.inner.row_shapes[1]
    if type(layer).compute_output_shape is not Layer.compute_output_shape:
        return tuple(layer.compute_output_shape((None, *input_shape)))[1:]
    with np.errstate(all="ignore"):
        made = np.asarray(layer.call(np.zeros((2, *input_shape), layer.dtype)))
    if made.ndim == 0 or len(made) != 2:
        raise ValueError(f"The layer {layer.name!r} should return a row for each of 2 rows; its "
                         f"call returned an array of shape {made.shape}.")
    return made.shape[1:]


def _of_layers(layer, input_shape: tuple):
    """The model that a layer is whose ``call`` only calls layers; None if it computes itself."""
    from fastnn.functional_model import Functional
    from fastnn.layers.core import Input
    from fastnn.layers.graph import NoNumbersError
    from fastnn.subclassed_model import layers_of, traced

    inside = layers_of(layer)
    if not inside:
        return None
    _rename(layer, inside)
    tensor = Input(input_shape, dtype=layer.dtype)
    try:
        made = traced(layer, tensor)
    except NoNumbersError as error:
        raise TypeError(
            f"The layer {layer.name!r} calls layers, and computes with numbers itself: fastnn can "
            "do one of both in a layer. Put what it computes into a layer of its own, which it "
            f"calls as well. ({error})") from error
    return Functional(tensor, made, name=layer.name)


def _rename(layer, inside: list) -> None:
    """Layers inside that nobody named get names that are the same in every process: for files."""
    for i, own in enumerate(inside):
        if re.fullmatch(snake_case(type(own).__name__) + r"(_\d+)?", own.name):
            own.name = f"{layer.name}_{i}_{snake_case(type(own).__name__)}"


def _check(call: Call) -> None:
    """A ValueError if ``backward`` is not the derivative of ``call``, at a random place."""
    own = callable(getattr(call.layer, "backward", None))
    if not own or call.takes_training or not getattr(call.layer, "check_gradient", True):
        return
    rng = np.random.default_rng(0)
    x = rng.uniform(0.1, 0.9, (3, *call.shapes[0]))
    trained = [variable for variable, _ in call._trained()]
    before = [variable.value for variable, _ in call.places]
    for variable, _ in call.places:
        variable.lend(variable.value.astype(np.float64))
    try:
        y = np.asarray(call._call(x, False), np.float64)
        dy = rng.uniform(0.1, 0.9, y.shape)
        names = ["its inputs", *(variable.name for variable in trained)]
        arrays = [x, *(variable.value for variable in trained)]
        for name, array, slope in zip(names, arrays, call._backward(x, y, dy), strict=True):
            direction = rng.uniform(0.1, 0.9, array.shape)
            found, place = [], array.copy()
            for sign in (1, -1):
                array[...] = place + sign * _STEP * direction
                found.append(float((np.asarray(call._call(x, False)) * dy).sum()))
            array[...] = place
            wanted, given = (found[0] - found[1]) / (2 * _STEP), float((slope * direction).sum())
            if not abs(wanted - given) <= _CLOSE * max(1.0, abs(wanted)):
                raise ValueError(
                    f"The backward of the layer {call.layer.name!r} is not the derivative of its "
                    f"call in {name}: along a line the call changes by {wanted:.6g}, backward says "
                    f"{given:.6g}. (check_gradient = False in the class leaves this out.)")
    finally:
        for (variable, _), value in zip(call.places, before, strict=True):
            variable.lend(value)
