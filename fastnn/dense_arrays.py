"""A stack of dense layers as a list of arrays, and back: for networks that were written by hand."""

from __future__ import annotations

import numpy as np


def dense_layers(arrays, activations=None) -> tuple[int, list]:
    """The number of inputs and the Dense layers of [(W1, b1), ...], before they are in a model.

    W (inputs, units); b (units,), (1, units), (units, 1) or None. activations : one name for each
    layer, or one for all but the last. Raises ValueError where shapes do not follow each other.
    """
    from fastnn import layers

    arrays = [_pair(i, pair) for i, pair in enumerate(arrays)]
    if not arrays:
        raise ValueError("arrays must hold (W, b) of at least one layer, received none.")
    names = _names(activations, len(arrays))
    width = arrays[0][0].shape[0]
    for i, (W, _) in enumerate(arrays):
        if len(W) != width:
            raise ValueError(f"arrays[{i}][0] must have {width} rows, as many as there are values "
                             f"in front of it, received the shape {W.shape}. Weights kept as "
                             "(outputs, inputs) are passed as W.T.")
        width = W.shape[1]
    stack = [layers.Dense(W.shape[1], activation=name, use_bias=b is not None)
             for (W, b), name in zip(arrays, names, strict=True)]
    return len(arrays[0][0]), stack


def _pair(i: int, pair):
    try:
        W, b = pair
    except (TypeError, ValueError):
        raise ValueError(f"arrays[{i}] must be a pair (W, b), received {type(pair).__name__}. "
                         "A layer without a bias is (W, None).") from None
    W = np.asarray(W)
    if W.ndim != 2 or W.dtype.kind not in "fiu":
        raise ValueError(f"arrays[{i}][0] must be a matrix of numbers (inputs, units), received an "
                         f"array of {W.dtype} of shape {W.shape}.")
    if b is None:
        return W, None
    b = np.asarray(b)
    if b.size != W.shape[1]:
        raise ValueError(f"arrays[{i}][1] must have the shape ({W.shape[1]},) of the columns of W, "
                         f"received {b.shape}.")
    return W, b.reshape(-1)


def _names(activations, count: int) -> list:
    if activations is None or isinstance(activations, str):
        return [activations] * (count - 1) + [None]
    names = list(activations)
    if len(names) != count:
        raise ValueError(f"activations must name one for each of {count} layers, received "
                         f"{len(names)}: {names!r}.")
    return names


def from_arrays(cls, arrays, activations=None, dtype=None, **options):
    """What ``Sequential.from_arrays`` returns; dtype None is float64 if any W is, else float32."""
    from fastnn import layers

    arrays = [_pair(i, pair) for i, pair in enumerate(arrays)]
    inputs, stack = dense_layers(arrays, activations)
    if dtype is None:
        dtype = "float64" if any(W.dtype == np.float64 for W, _ in arrays) else "float32"
    model = cls([layers.Input((inputs,)), *stack], dtype=dtype, **options)
    for layer, (W, b) in zip(stack, arrays, strict=True):
        layer.set_weights([W] if b is None else [W, b])
    return model


def to_arrays(model) -> list:
    """What ``model.to_arrays()`` returns."""
    from fastnn import layers

    pairs = []
    for layer in model.layers:
        if isinstance(layer, layers.Dense):
            W, *b = layer.get_weights()
            pairs.append((W, b[0] if b else None))
        elif layer.get_weights():
            raise ValueError(f"The layer {layer.name!r} ({type(layer).__name__}) has weights that "
                             "are no (W, b): only stacks of Dense become arrays. "
                             "model.get_weights() lists the arrays of any model.")
    return pairs
