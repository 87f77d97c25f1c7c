"""Activations, losses and normalizations of plain arrays, number by number.

>>> softmax([[0.0, 0.0]])
array([[0.5, 0.5]], dtype=float32)
>>> one_hot([0, 2], 3)
array([[1., 0., 0.],
       [0., 0., 1.]], dtype=float32)
"""

from __future__ import annotations

from inspect import signature

import numpy as np

from fastnn import activations, config
from fastnn.ops.types import convert, floats, standardize_dtype, together, typed, words

_ACTIVATIONS = words("celu elu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu "
                     "log_sigmoid relu6 selu sigmoid silu soft_shrink softplus softsign "
                     "sparse_plus sparse_sigmoid squareplus swish tanh_shrink threshold")


def _activation(name: str):
    own = getattr(activations, name)

    def function(x, *arguments, **named):
        return own(floats(x), *arguments, **named)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`fastnn.activations.{name}` of floats."
    function.__signature__ = signature(own)
    return function


_ALL = {name: _activation(name) for name in _ACTIVATIONS}
globals().update(_ALL)


def relu(x):
    """max(x, 0), in the type of the array."""
    x = convert(x)
    return x.through(activations.ReLU()) if hasattr(x, "through") else (
        np.maximum(x, np.dtype(x.dtype).type(0)))


def gelu(x, approximate=True):
    """x Phi(x); by default its approximation with tanh, as in Keras's ops."""
    return activations.gelu(floats(x), approximate=approximate)


def _rows(function, x, axis):
    """A function of the last axis, along one axis or over several together."""
    x = floats(x)
    if hasattr(x, "node") and axis == -1:  # symbolic
        return x.through(function)
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = [a % x.ndim for a in axes]
    last = list(range(x.ndim - len(axes), x.ndim))
    moved = np.moveaxis(x, axes, last)
    flat = moved.reshape(*moved.shape[: x.ndim - len(axes)], -1)
    return np.moveaxis(function(flat).reshape(moved.shape), last, axes)


def softmax(x, axis=-1):
    """exp x / sum exp x along an axis, or over several."""
    return _rows(activations.Softmax(), x, axis)


def log_softmax(x, axis=-1):
    """The logarithm of `softmax`."""
    return _rows(activations.LogSoftmax(), x, axis)


def sparsemax(x, axis=-1):
    """The point of the simplex that is nearest to each row."""
    return _rows(activations.Sparsemax(), x, axis)


def glu(x, axis=-1):
    """One half along an axis times the sigmoid of the other."""
    return np.moveaxis(activations.GLU()(np.moveaxis(floats(x), axis, -1)), -1, axis)


def one_hot(x, num_classes, axis=-1, dtype=None, sparse=False):
    """1 at each class number, 0 elsewhere; a number that is no class's gives zeros only."""
    if sparse:
        raise ValueError("fastnn's ops make no sparse arrays: sparse=False only.")
    places = convert(x)[..., None] == np.arange(num_classes)
    return np.moveaxis(places.astype(standardize_dtype(dtype)), -1, axis)


def multi_hot(inputs, num_classes=None, axis=-1, dtype=None, sparse=False):
    """1 at all the class numbers of a row.

    >>> multi_hot([[0, 2]], 4)
    array([[1., 0., 1., 0.]], dtype=float32)
    """
    inputs = convert(inputs)
    encoded = one_hot(inputs, num_classes, axis, dtype, sparse)
    reduce = (1 if inputs.ndim > 1 else 0) if axis == -1 else 0 if axis else 1
    return encoded.max(axis=reduce)


def moments(x, axes, keepdims=False, synchronized=False):
    """(mean, variance) over some axes."""
    x, axes = floats(x), tuple(np.atleast_1d(axes).tolist())
    return np.mean(x, axis=axes, keepdims=keepdims), np.var(x, axis=axes, keepdims=keepdims)


def normalize(x, axis=-1, order=2, epsilon=None):
    """x / the norm along an axis, which counts as no less than epsilon."""
    x = floats(x)
    least = config.epsilon() if epsilon is None else epsilon
    norm = np.linalg.norm(x, order, axis, keepdims=True) if isinstance(axis, int) else (
        (np.abs(x) ** order).sum(axis=tuple(axis), keepdims=True) ** (1 / order))
    return typed(x / np.maximum(norm, least), x.dtype)


def batch_normalization(x, mean, variance, axis, offset=None, scale=None, epsilon=1e-3):
    """(x - mean) / sqrt(variance + epsilon) * scale + offset, by the channels of an axis."""
    x = floats(x)
    shape = [1] * x.ndim
    shape[axis] = x.shape[axis]
    mean, variance, offset, scale = (None if a is None else np.reshape(floats(a), shape)
                                     for a in (mean, variance, offset, scale))
    found = (x - mean) / np.sqrt(variance + np.dtype(x.dtype).type(epsilon))
    found = found if scale is None else found * scale
    return found if offset is None else found + offset


def layer_normalization(x, gamma=None, beta=None, axis=-1, epsilon=None, rms_scaling=False):
    """Rows of mean 0 and variance 1, times gamma, plus beta; with ``rms_scaling`` no mean."""
    x = floats(x)
    least = np.dtype(x.dtype).type(config.epsilon() if epsilon is None else epsilon)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    variance = np.var(x, axis=axes, keepdims=True)
    if rms_scaling:
        found = x / np.sqrt(variance + least)
        return found if gamma is None else found * floats(gamma)
    found = (x - np.mean(x, axis=axes, keepdims=True)) / np.sqrt(variance + least)
    found = found if gamma is None else found * floats(gamma)
    return found if beta is None else found + floats(beta)


def rms_normalization(x, scale=None, axis=-1, epsilon=None):
    """Rows of mean square 1, times scale."""
    x = floats(x)
    axes = (axis,) if isinstance(axis, int) else tuple(axis)
    least = np.dtype(x.dtype).type(config.epsilon() if epsilon is None else epsilon)
    found = x / np.sqrt(np.mean(np.square(x), axis=axes, keepdims=True) + least)
    return found if scale is None else found * floats(scale)


def binary_crossentropy(target, output, from_logits=False):
    """-t log y - (1 - t) log(1 - y), of each number."""
    target, output = together(floats(target), floats(output))
    if from_logits:
        return np.maximum(output, 0) - output * target + np.log1p(np.exp(-np.abs(output)))
    output = _inside(output)
    return -(target * np.log(output) + (1 - target) * np.log1p(-output))


def categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-sum t log y along an axis, the y divided by their sum first."""
    target, output = together(floats(target), floats(output))
    return -np.sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


def sparse_categorical_crossentropy(target, output, from_logits=False, axis=-1):
    """-log y of the target's class."""
    target, output = convert(target), floats(output)
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = target[..., 0]
    logs = _log_probabilities(output, from_logits, axis)
    hot = one_hot(target.astype(np.int64), output.shape[axis], axis=axis, dtype=output.dtype)
    return -np.sum(hot * logs, axis=axis)


def _log_probabilities(output, from_logits: bool, axis: int):
    if from_logits:
        return log_softmax(output, axis)
    return np.log(_inside(output / np.sum(output, axis=axis, keepdims=True)))


def _inside(p):
    """Probabilities at least epsilon away from 0 and 1, for logarithms: as Keras has it."""
    least = np.dtype(p.dtype).type(config.epsilon())
    return np.clip(p, least, 1 - least)


_OWN = words("batch_normalization binary_crossentropy categorical_crossentropy gelu glu "
             "layer_normalization log_softmax moments multi_hot normalize one_hot relu "
             "rms_normalization softmax sparse_categorical_crossentropy sparsemax")
__all__ = sorted({*_ALL, *_OWN})
