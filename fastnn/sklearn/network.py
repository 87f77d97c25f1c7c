"""The network of an estimator: a `Sequential` whose matrices are ``coefs_`` and ``intercepts_``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fastnn import activations, layers
from fastnn.models import Sequential
from fastnn.prediction import Predictor
from fastnn.sparse import checked_csr

# scikit-learn's words for activations; all others are fastnn's own
NAMES = {"identity": "linear", "logistic": "sigmoid", "exp": "exponential"}


@dataclass(frozen=True)
class Layout:
    """What decides the network's ops: two equal layouts have the same plan.

    sizes : inputs, hidden layers, outputs. hidden : an activation for each hidden layer. output :
    scikit-learn's ``out_activation_``. dropout, seeds : a rate for each hidden layer, and where
    its masks begin.
    """

    sizes: tuple[int, ...]
    hidden: tuple
    output: str
    dropout: tuple[float, ...]
    seeds: tuple[int, ...]
    batch_norm: bool
    bias: bool
    dtype: str


class Network:
    """A `Layout` with its parameters in one vector.

    ``coefs``, ``intercepts`` and ``norms`` (gamma, beta, moving mean and variance of each hidden
    layer, one after the other) are views of ``model.params``.
    """

    def __init__(self, layout: Layout):
        self.layout = layout
        self.ends: list[int] = []  # how many layers there are up to the end of each hidden one
        self.model = Sequential(self._layers(), dtype=layout.dtype)
        built = self.model.layers
        self.dense = [layer for layer in built if isinstance(layer, layers.Dense)]
        self.coefs = [layer.kernel for layer in self.dense]
        self.intercepts = [layer.bias for layer in self.dense if layout.bias]
        self.norms = [variable.value for layer in built
                      if isinstance(layer, layers.BatchNormalization) for variable in layer.weights]
        self.training = None  # (what it depends on, the trainer): see `stochastic`
        self._predictors: dict[tuple[int, str], Predictor] = {}

    def _layers(self) -> list:
        layout, stack = self.layout, [layers.Input((self.layout.sizes[0],))]
        for i, units in enumerate(layout.sizes[1:-1]):
            stack.append(_dense(units, layout.bias))
            if layout.batch_norm:
                stack.append(layers.BatchNormalization(momentum=0.9))
            stack.append(layers.Activation(activation(layout.hidden[i])))
            if layout.dropout[i]:
                stack.append(layers.Dropout(layout.dropout[i], seed=layout.seeds[i]))
            self.ends.append(len(stack) - 1)
        return [*stack, _dense(layout.sizes[-1], layout.bias, activation(layout.output))]

    @property
    def params(self) -> np.ndarray:
        return self.model.params

    def read(self, arrays: list, own: list) -> list:
        """Copy arrays that are not the network's own into it; its own."""
        for array, view in zip(arrays, own, strict=True):
            if array is not view:
                view[...] = array
        return list(own)

    def predict(self, X) -> np.ndarray:
        """The outputs (n, m) for rows X (n, k), dense or sparse."""
        return self._run(len(self.model.layers), X)

    def hidden(self, X, number: int) -> np.ndarray:
        """What hidden layer ``number`` makes of the rows, as a prediction sees it."""
        return self._run(self.ends[number], X)

    def sums(self, X) -> np.ndarray:
        """The outputs before their activation."""
        output = self.layout.output
        return self._run(len(self.model.layers), X, NAMES.get(output, output))

    def _run(self, end: int, X, without: str = "linear") -> np.ndarray:
        predictor = self._predictors.get((end, without))
        if predictor is None:
            predictor = Predictor(_Part(self.model, end, without))
            self._predictors[end, without] = predictor
        if not hasattr(X, "tocsr"):
            return predictor(np.ascontiguousarray(X, predictor.dtype))
        X, step = checked_csr(X, "X"), max(1, (1 << 22) // X.shape[1])  # as floats, 32 MB at once
        Y = np.empty((X.shape[0], *predictor.output_shape), predictor.dtype)
        for i in range(0, len(Y), step):
            Y[i : i + step] = predictor(X[i : i + step].toarray().astype(predictor.dtype))
        return Y

    def input_gradients(self, X, dY) -> np.ndarray:
        """The gradients (n, k) in the inputs, of outputs whose own gradients are dY (n, m)."""
        values = [np.asarray(X, self.params.dtype)]
        for end in range(1, len(self.model.layers) + 1):
            values.append(self._run(end, X))
        gradient = np.asarray(dY, self.params.dtype)
        for layer, x, y in zip(self.model.layers[::-1], values[-2::-1], values[:0:-1],
                               strict=True):
            gradient = _backward(layer, x, y, gradient)
        return gradient


class _Part:
    """The first layers of a model, as a predictor takes it; the last ``without`` an activation."""

    sides = split_outputs = None  # one input, one output

    def __init__(self, model: Sequential, end: int, without: str):
        self._without = without
        self.params, self.n_trained = model.params, model.n_trained
        self._layers = model.layers[:end]
        self._input = model._input
        self.row_shapes = model.row_shapes[0], self._layers[-1].shapes[1]

    def lower(self, builder):
        value = self._input.lower(builder)
        for layer in self._layers:
            value = layer.lower(builder, value)
        if self._without != "linear":
            builder.strip_activation(value, self._without)
        return value


def activation(name):
    """fastnn's activation for scikit-learn's name, or for anything that fastnn takes."""
    return activations.get(NAMES.get(name, name) if isinstance(name, str) else name)


def _dense(units, bias, function=None):
    return layers.Dense(int(units), function, bias, kernel_initializer="zeros")


def _backward(layer, x, y, dy):
    """The gradient in a layer's inputs x, in prediction, from that in its outputs y."""
    if isinstance(layer, layers.Dense):
        z = x @ layer.kernel + (0 if layer.bias is None else layer.bias)
        return _through(layer.activation, dy, y, z) @ layer.kernel.T
    if isinstance(layer, layers.BatchNormalization):
        return dy * layer.gamma / np.sqrt(layer.moving_variance + layer.epsilon)
    if isinstance(layer, layers.Activation):
        return _through(layer.activation, dy, y, x)
    return dy  # dropout


def _through(function, dy, y, z):
    kept = (y, z) if function.keeps_z() else (y,)
    return type(function).backward(dy, *kept, *function.values())
