"""Predictions: a model's plan without a loss, and the shortest way to run it."""

from __future__ import annotations

import numpy as np

from fastnn import backends, config, data
from fastnn.plan import Builder, Kind
from fastnn.training import rows_a_call

# Rows times parameters below which it takes longer to ask how many threads there are than to
# predict with one.
_SMALL = 1 << 16


class Predictor:
    """Runs a model forwards. A call with an array of the right type costs a few microseconds."""

    def __init__(self, model, backend: str | None = None):
        builder = Builder(model.params.dtype)
        builder.head(Kind.OUTPUT, model.lower(builder))
        self.plan = builder.plan(model.params.size, model.n_trained)
        self.params = model.params
        self.forward = backends.get(backend).forward
        self.input_shape, self.output_shape = model.row_shapes
        self.dtype = self.plan.dtype
        self.small = _SMALL // max(1, self.plan.n_params)
        self.rows_a_call = rows_a_call(self.plan)

    def rows(self, x) -> np.ndarray:
        """``x`` as the plan's rows (n, k), checked for its shape and type; NaN may pass."""
        if (type(x) is np.ndarray and x.dtype == self.dtype and x.ndim
                and x.shape[1:] == self.input_shape
                and x.flags.c_contiguous and x.flags.aligned):
            return x if x.ndim == 2 else x.reshape(len(x), self.plan.n_inputs)
        return data.inputs(x, self.input_shape, self.dtype, finite=False)

    def __call__(self, x) -> np.ndarray:
        """The outputs (n, *output shape) of ``x``, each row's for itself."""
        X = self.rows(x)
        n = len(X)
        Y = np.empty((n, self.plan.n_outputs), self.dtype)
        if n <= self.small:
            self.forward(self.plan, self.params, X, Y)
        else:
            threads = config.num_threads()
            for i in range(0, n, self.rows_a_call):  # a Ctrl-C is seen between two calls
                part = slice(i, i + self.rows_a_call)
                self.forward(self.plan, self.params, X[part], Y[part], False, 0, threads)
        return Y if len(self.output_shape) == 1 else Y.reshape(n, *self.output_shape)

    def in_training(self, x, step: int) -> np.ndarray:
        """The outputs as a training step computes them, all rows being one batch."""
        X = self.rows(x)
        Y = np.empty((len(X), self.plan.n_outputs), self.dtype)
        if len(X):
            self.forward(self.plan, self.params, X, Y, True, step, config.num_threads())
        return Y.reshape(len(X), *self.output_shape)
