"""Arithmetic with symbolic tensors: the layers that ``x + y``, ``2 * x`` or ``ops.tanh(x)`` are.

>>> import numpy as np
>>> from fastnn import Input, Model, ops
>>> x = Input((2,))
>>> Model(x, ops.maximum(2 * x - 1, x)).predict(np.array([[0.0, 3.0]]))
array([[0., 5.]], dtype=float32)
"""

from __future__ import annotations

import numpy as np

from fastnn.layers import merging
from fastnn.layers.core import Activation, Flatten, Reshape
from fastnn.layers.graph import NoNumbersError, Tensor
from fastnn.layers.preprocessing import Rescaling

_MERGES = {np.add: merging.Add, np.subtract: merging.Subtract, np.multiply: merging.Multiply,
           np.maximum: merging.Maximum, np.minimum: merging.Minimum}
_ACTIVATIONS = {np.tanh: "tanh", np.exp: "exponential"}
# (scale, offset) of x and a number n, on its right and on its left
_SCALES = {np.add: (lambda n: (1.0, n), lambda n: (1.0, n)),
           np.subtract: (lambda n: (1.0, -n), lambda n: (-1.0, n)),
           np.multiply: (lambda n: (n, 0.0), lambda n: (n, 0.0)),
           np.true_divide: (lambda n: (1 / n, 0.0), None)}


def ufunc(function, inputs: tuple, named: dict) -> Tensor:
    """What one of NumPy's functions of single numbers makes of tensors."""
    tensors = [isinstance(x, Tensor) for x in inputs]
    if function in _MERGES and all(tensors) and not named:
        return _MERGES[function]()(list(inputs))
    if function in _ACTIVATIONS and not named:
        return Activation(_ACTIVATIONS[function])(inputs[0])
    if function is np.negative:
        return Rescaling(-1.0)(inputs[0])
    if function is np.square:
        return merging.Multiply()([inputs[0], inputs[0]])
    if function in _SCALES and sum(tensors) == 1:
        place = tensors.index(True)
        scale, number = _SCALES[function][place], inputs[1 - place]
        if scale is not None and np.ndim(number) == 0 and np.asarray(number).dtype.kind in "fiub":
            return Rescaling(*scale(float(number)))(inputs[place])
    raise _unknown(getattr(function, "__name__", "a reduction"))


def function(function, arguments: tuple, named: dict) -> Tensor:
    """What another of NumPy's functions makes of tensors."""
    if function is np.concatenate:
        axis = named.get("axis", arguments[1] if len(arguments) > 1 else 0)
        return merging.Concatenate(axis)(list(arguments[0]))
    if function is np.reshape:
        x, shape = arguments[0], tuple(named.get("shape", arguments[-1]))
        if len(shape) == 2 and shape[1] == -1:
            return Flatten()(x)
        if len(shape) > 1 and shape[0] in (-1, None):
            return Reshape(shape[1:])(x)
    raise _unknown(function.__name__)


def _unknown(name: str) -> NoNumbersError:
    return NoNumbersError(f"There is no layer that does numpy.{name} of a symbolic tensor, which "
                          "has a shape but no numbers yet.")
