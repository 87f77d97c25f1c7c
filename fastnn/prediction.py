"""Predictions: a model's plan without a loss, and the shortest way to run it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fastnn import backends, config, sides
from fastnn.evaluation import rows_a_call
from fastnn.plan import Builder, Kind

# Rows that one thread predicts, and rows times parameters below which it takes longer to ask how
# many threads there are.
_ROWS_OF_ONE = 256
_SMALL = 1 << 16


class Predictor:
    """Runs a model forwards: ``predictor(x)``, or ``predictor(x, out=y)`` into an array there is.

    A call with an array of the model's type costs a microsecond or two beside the arithmetic. Many
    threads may call one predictor at once.

    x : (n, *input shape); out : (n, *output shape), C-contiguous, of the model's dtype, and not
    overlapping x. Returns the outputs; raises ValueError and TypeError as ``predict`` does.

    With ``frozen`` (what `Model.predictor` returns) the predictor keeps the weights as they are
    now, whatever becomes of the model, without dropout and with every batch normalisation folded
    into the dense layer before or after it: outputs then differ by rounding.
    """

    def __init__(self, model, backend: str | None = None, frozen: bool = False):
        builder = Builder(model.params.dtype)
        builder.head(Kind.OUTPUT, model.lower(builder))
        self.plan = builder.plan(model.params.size, model.n_trained)
        self.params = model.params
        if frozen:
            self.plan, self.params = fold(self.plan, self.params)
        self.input_shape, self.output_shape = model.row_shapes
        self._sides, self._split = model.sides, model.split_outputs
        self.dtype = self.plan.dtype
        backend = backends.get(backend)
        self._forward = backend.forward
        self._bound = backend.bind(self.plan, self.params)
        self._one_input = self._sides is None or not self._sides.several
        self._flat = (len(self.input_shape) == len(self.output_shape) == 1
                      and self._one_input and self._split is None)
        self._small = max(_ROWS_OF_ONE, _SMALL // max(1, self.plan.n_params))
        self._rows_a_call = rows_a_call(self.plan)

    def __call__(self, x, out=None) -> np.ndarray:
        if self._flat and type(x) is np.ndarray and x.ndim == 2 and len(x) <= self._small:
            y = np.empty((len(x), self.plan.n_outputs), self.dtype) if out is None else out
            if self._bound(x, y):
                return y
        return self._any(x, out)

    def _any(self, x, out) -> np.ndarray:
        """The same for any x: cast, of any shape, of many rows."""
        return self.of_rows(self.rows(x), out)

    def of_rows(self, X, out=None):
        """The outputs for rows that ``rows`` made."""
        n, shape = len(X), (len(X), *self.output_shape)
        if out is None:
            out = np.empty(shape, self.dtype)
        elif not (isinstance(out, np.ndarray) and out.shape == shape and out.dtype == self.dtype
                  and out.flags.carray):
            raise ValueError(f"out must be a writeable C-contiguous {self.dtype} array of shape "
                             f"{shape}; received {_description(out)}.")
        Y = out.reshape(n, self.plan.n_outputs)
        threads = 1 if n <= self._small else config.num_threads()
        for i in range(0, n, self._rows_a_call):  # a Ctrl-C is seen between two calls
            part = slice(i, i + self._rows_a_call)
            self._forward(self.plan, self.params, X[part], Y[part], False, 0, threads)
        return out if self._split is None else self._split(out)

    def rows(self, x, name: str = "x") -> np.ndarray:
        """``x`` as the plan's rows (n, k), checked for its shape and type; NaN may pass."""
        if (type(x) is np.ndarray and x.dtype == self.dtype and x.ndim
                and x.shape[1:] == self.input_shape and self._one_input
                and x.flags.c_contiguous and x.flags.aligned):
            return x if x.ndim == 2 else x.reshape(len(x), self.plan.n_inputs)
        return sides.rows(self._sides, self.input_shape, x, self.dtype, name, finite=False)

    def in_training(self, x, step: int) -> np.ndarray:
        """The outputs as a training step computes them, all rows being one batch."""
        X = self.rows(x)[:]
        Y = np.empty((len(X), self.plan.n_outputs), self.dtype)
        if len(X):
            self._forward(self.plan, self.params, X, Y, True, step, config.num_threads())
        Y = Y.reshape(len(X), *self.output_shape)
        return Y if self._split is None else self._split(Y)


def _description(value) -> str:
    if not isinstance(value, np.ndarray):
        return type(value).__name__
    return f"{value.dtype} {value.shape}" + ("" if value.flags.carray else ", not such an array")


def fold(plan, params):
    """A plan and parameters with the same predictions, without dropout and batch normalisation.

    y = gamma (x - mean) / sqrt(variance + epsilon) + beta is x * scale + shift: columns of the
    weights and the bias of a dense op before it that has no activation, or else rows of the
    weights of one after it. A normalisation with neither stays.
    """
    ops, numbers = [op.copy() for op in plan.ops], [params.copy()]

    def store(array) -> int:
        numbers.append(np.ravel(array).astype(plan.dtype))
        return sum(map(len, numbers[:-1]))

    def leave_out(i) -> None:
        """Whoever reads what op i makes reads what it reads."""
        gone = ops.pop(i)
        for op in ops:
            for field in ("src", "src2", "dst"):
                if op[field] == gone["dst"]:
                    op[field] = gone["src"]

    for i in reversed(range(len(ops))):
        if ops[i]["kind"] in (Kind.DROPOUT, Kind.NOISE, Kind.ACTIVITY):
            leave_out(i)
    for i in reversed(range(len(ops))):
        norm = ops[i]
        if norm["kind"] != Kind.BATCH_NORM or norm["k"] != norm["m"]:
            continue
        before = [op for op in ops if op["dst"] == norm["src"] and op["kind"] == Kind.DENSE
                  and op["formula"] == 0 and len(_readers(ops, op["dst"])) == 1]
        after = _readers(ops, norm["dst"])
        scale, shift = _scale_and_shift(norm, params)
        if before:
            (dense,) = before
            W, b = _dense(dense, numbers)
            dense["w"], dense["b"] = store(W * scale), store(b * scale + shift)
        elif [op["kind"] for op in after] == [Kind.DENSE]:
            (dense,) = after
            W, b = _dense(dense, numbers)
            dense["w"], dense["b"] = store(scale[:, None] * W), store(b + shift @ W)
        else:
            continue
        leave_out(i)
    params = np.concatenate(numbers)
    return replace(plan, ops=np.array(ops, plan.ops.dtype), n_params=len(params)), params


def _readers(ops, column) -> list:
    return [op for op in ops if column in (op["src"], op["src2"])]


def _scale_and_shift(norm, params):
    m, params = norm["m"], params.astype(np.float64)

    def channels(at, default):
        return params[at : at + m] if at >= 0 else np.full(m, default)

    mean, variance = channels(norm["s"], 0.0), channels(norm["s"] + m, 1.0)
    scale = channels(norm["w"], 1.0) / np.sqrt(variance + norm["a1"])
    return scale, channels(norm["b"], 0.0) - mean * scale


def _dense(op, numbers):
    """The weights (k, m) and the bias (m,) of a dense op, in float64."""
    k, m, params = op["k"], op["m"], np.concatenate(numbers).astype(np.float64)
    bias = params[op["b"] : op["b"] + m] if op["b"] >= 0 else np.zeros(m)
    return params[op["w"] : op["w"] + k * m].reshape(k, m), bias
