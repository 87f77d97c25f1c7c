"""A layer on data, without a model: its own little plan."""

from __future__ import annotations

import numpy as np

from fastnn import backends, data
from fastnn.plan import Builder, Kind

_calls = iter(range(1 << 62, 1 << 63))  # steps of dropout masks that no training comes to


def run(layer, inputs, training: bool) -> np.ndarray:
    """The layer's output for arrays (n, ...): one, or a list where it takes several."""
    given = [np.asarray(x) for x in (inputs if layer.many else [inputs])]
    names = [f"inputs[{i}]" for i in range(len(given))] if layer.many else ["inputs"]
    shapes = [tuple(array.shape[1:]) for array in given]
    X = [data.inputs(array, shape, layer.dtype, name, finite=False)
         for array, shape, name in zip(given, shapes, names, strict=True)]
    data.check_lengths({name: len(rows) for name, rows in zip(names, X, strict=True)})
    shape = layer.ensure_built(tuple(shapes) if layer.many else shapes[0])
    variables = layer.trainable_weights + layer.non_trainable_weights
    params = np.concatenate([np.empty(0, layer.dtype), *(v.numpy().ravel() for v in variables)])
    params = params.astype(layer.dtype, copy=False)
    before = [variable.offset for variable in variables]
    try:
        ends = np.cumsum([variable.size for variable in variables], dtype=int).tolist()
        for variable, end in zip(variables, ends, strict=True):
            variable.offset = end - variable.size
        builder = Builder(layer.dtype)
        value = layer.lower(builder, *map(builder.input, shapes))
        builder.head(Kind.OUTPUT, value)
        plan = builder.plan(len(params), sum(v.size for v in layer.trainable_weights))
        Y = np.empty((len(X[0]), plan.n_outputs), plan.dtype)
        step = next(_calls) if training else 0
        backends.get().forward(plan, params, np.hstack(X), Y, bool(training), step)
        for variable in layer.non_trainable_weights if training else ():  # moving averages
            part = slice(variable.offset, variable.offset + variable.size)
            variable.assign(params[part].reshape(variable.shape))
    finally:
        for variable, offset in zip(variables, before, strict=True):
            variable.offset = offset
    return Y.reshape(len(Y), *shape)
