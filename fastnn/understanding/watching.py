"""What every layer makes of some rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastnn import backends, config
from fastnn.plan import Builder, Kind
from fastnn.understanding.probe import WORKSPACE


class Watcher(Builder):
    """Makes a plan that predicts the outputs of all layers, side by side.

    ``seen`` holds (name, shape) of each, in the order in which they are computed.
    """

    def __init__(self, dtype):
        super().__init__(dtype)
        self.seen: list[tuple[str, tuple]] = []
        self._values: list = []

    def made(self, layer, value):
        """Take note of the value, which from now on no other layer may be fused into."""
        self.seen.append((_new_name(layer.name, dict(self.seen)), value.shape))
        self._values.append(replace(value, shape=(value.width,)))
        return replace(value, op=0)  # the input's: nothing is fused with that

    def finish(self, n_params: int, n_trained: int):
        """The plan, its values in pairs, and pairs of these, so that none is copied often."""
        values = self._values
        while len(values) > 1:
            pairs = [self.merge(Kind.CONCATENATE, *values[i : i + 2])
                     for i in range(0, len(values) - 1, 2)]
            values = pairs + values[2 * len(pairs) :]
        self.head(Kind.OUTPUT, values[0])
        return self.plan(n_params, n_trained)


def activations(model, X: np.ndarray) -> dict[str, np.ndarray]:
    """The output of each layer by its name, for rows (n, k) of the model's type."""
    watcher = Watcher(model.params.dtype)
    model.lower(watcher)
    plan = watcher.finish(model.params.size, model.n_trained)
    backend = backends.get(model._compiled["backend"] if model._compiled else None)
    n = len(X)
    Y = np.empty((n, plan.n_outputs), plan.dtype)
    size = max(64, WORKSPACE // (plan.columns * plan.dtype.itemsize))
    for i in range(0, n, size):
        part = slice(i, i + size)
        backend.forward(plan, model.params, X[part], Y[part], False, 0, config.num_threads())
    ends = np.cumsum([int(np.prod(shape, dtype=np.int64)) for _, shape in watcher.seen])
    parts = np.split(Y, ends[:-1], axis=1)
    return {name: part.reshape(n, *shape)
            for (name, shape), part in zip(watcher.seen, parts, strict=True)}


def rows(model, x) -> np.ndarray:
    """``x`` as the model's rows (n, k), as a prediction takes them."""
    return (model._predictor or model._make_predictor(x)).rows(x)[:]


def _new_name(name: str, taken) -> str:
    """The name, or for the second call of a layer name_1."""
    found, count = name, 0
    while found in taken:
        count += 1
        found = f"{name}_{count}"
    return found
