"""The default backend: hands the plan to the compiled core and lays out its workspace.

A value of width w for n rows is stored as ceil(n / lanes) panels of w x lanes numbers, lanes being
as many rows as fill 64 bytes: see src_cy/kernels.h.
"""

from __future__ import annotations

import os
from functools import lru_cache

import numpy as np

from fastnn.backends import loader, numpy_backend, own
from fastnn.plan import Kind, Plan
from fastnn.sparse import SparseRows, dense

NAME = "cython"
core = loader.load()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=core.rest)

CHUNK = 256  # rows of a prediction that are computed at once
# multiply-adds of a step or of a prediction below which a second thread is not even tried: they
# take a few microseconds
MIN_THREADED_WORK = 50_000

# inputs from which a first layer with few outputs reads the rows of X where they lie: turning them
# into panels would take longer than what panels save
MIN_INPUTS_FROM_ROWS = 48
OUTPUTS_FROM_ROWS = range(5, 65)

_WORD = 2**64 - 1

_HEADS = tuple(kind for kind in Kind if Kind.OUTPUT < kind <= Kind.OVERLAP_LOSS)
_METRICS = (Kind.ELEMENT_METRIC, Kind.BINARY_ACCURACY, Kind.CATEGORICAL_ACCURACY,
            Kind.SPARSE_CATEGORICAL_ACCURACY, Kind.TOP_K_ACCURACY, Kind.SPARSE_TOP_K_ACCURACY,
            Kind.CONFUSION)


@lru_cache(maxsize=64)
def _layout(plan: Plan, sparse: bool) -> _Layout:
    return _Layout(plan, sparse)


def _rows(X, plan: Plan) -> tuple:
    """X and its arrays in CSR form, as the core takes them: the ones or the others count."""
    if isinstance(X, SparseRows):
        return np.empty((1, plan.n_inputs), plan.dtype), (X.indptr, X.indices, X.values)
    return X, None


class _Layout:
    """The plan's ops with the columns that only this backend needs, and the sizes that follow.

    dense: aux, the rows of dz (m columns, padded to whole vectors). Heads: aux, the targets (m
    columns); keep, m columns of scratch, one of row losses and, for an overlap, three of row sums.
    Metrics and penalties of values: aux, one column. Penalties of parameters and clipping: aux, the
    sums of blocks of parameters, or two numbers for each row or column of a matrix.
    """

    def __init__(self, plan: Plan, sparse: bool):
        self.lanes = 64 // plan.dtype.itemsize
        # the core finds the constants behind the table
        memory = np.concatenate([plan.ops.view(np.uint8), plan.constants.view(np.uint8)])
        self.ops = memory[: plan.ops.nbytes].view(plan.ops.dtype)
        columns = plan.columns
        for op in self.ops:
            if op["kind"] == Kind.DENSE and op["trains"]:
                op["aux"], columns = columns, columns + _round_up(op["m"], self.lanes)
            elif op["kind"] in _HEADS:
                op["aux"], op["keep"] = columns, columns + op["m"]
                columns += 2 * op["m"] + 1 + 3 * (op["kind"] == Kind.OVERLAP_LOSS)
            elif op["kind"] in (*_METRICS, Kind.ACTIVITY):
                op["aux"], columns = columns, columns + 1
            elif op["kind"] in (Kind.PENALTY, Kind.CLIP_NORM):
                room = -(-core.block_bytes(op["k"]) // plan.dtype.itemsize)
                op["aux"], columns = columns, columns + room
            elif op["kind"] == Kind.ORTHOGONALITY:
                vectors = op["m"] if op["s"] else op["k"]
                room = -(-(2 * vectors + 1) * 8 // plan.dtype.itemsize)
                op["aux"], columns = columns, columns + room
            elif op["kind"] == Kind.TRUST:  # two sums, of the parameters and of the update
                room = -(-core.block_bytes(op["k"]) // plan.dtype.itemsize)
                op["aux"], op["keep"], columns = columns, columns + room, columns + 2 * room
        self.compiled = own.fill_in(self.ops, plan.dtype)  # False: a formula only for NumPy
        self._read_rows(sparse)
        self.columns = int(columns)
        # room behind the columns for gradients that are added to others
        self.spare = plan.n_trained if plan.ops["adds"].any() else 0
        dense = plan.ops[plan.ops["kind"] == Kind.DENSE]
        self.work_per_row = int((dense["k"] * dense["m"]).sum())
        self._order = np.arange(CHUNK)
        # the core's functions for this type, so that a call need not look for them
        name = "float" if plan.dtype == np.float32 else "double"
        self.train, self.forward = core.train[name], core.forward[name]

    def _read_rows(self, sparse: bool):
        """Let a narrow dense op that alone takes a wide input read the rows of X where they lie.

        A sparse X is always read so.

        Its ``src2`` is then the first column of X, and the INPUT op copies nothing.
        """
        for source in self.ops[self.ops["kind"] == Kind.INPUT]:
            users = (self.ops["src"] == source["dst"]) | (self.ops["src2"] == source["dst"])
            users = np.flatnonzero(users & (self.ops["kind"] != Kind.INPUT))
            (user,) = users if len(users) == 1 else (None,)
            if user is None or self.ops["kind"][user] != Kind.DENSE:
                continue
            if sparse or (source["k"] >= MIN_INPUTS_FROM_ROWS
                          and self.ops["m"][user] in OUTPUTS_FROM_ROWS):
                self.ops["src2"][user] = source["s"]
                self.ops["k"][self.ops["dst"] == source["dst"]] = 0

    def chunk(self, n: int) -> np.ndarray:
        """0, 1, 2, ... for the rows of a chunk, when n rows are predicted."""
        return self._order[: self.capacity(n)]

    def capacity(self, rows: int) -> int:
        """Rows that a workspace for batches of ``rows`` holds: whole panels, or one row alone."""
        return 1 if rows == 1 else _round_up(rows, self.lanes)


def _round_up(n: int, unit: int) -> int:
    return -(-int(n) // unit) * unit


def _aligned(size: int, dtype) -> np.ndarray:
    """Zeros that begin at a multiple of 64 bytes."""
    raw = np.zeros(size * dtype.itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + size * dtype.itemsize].view(dtype)


def _threads(wanted: int, work: int) -> int:
    if wanted == 1 or work < MIN_THREADED_WORK:
        return 1
    return min(wanted, core.most_threads())


def _two_dimensional(T, dtype):
    """The targets as the core takes them; there are none where the loss is sparse."""
    return T if T.ndim == 2 and T.size else np.zeros((1, 1), dtype)


def _flat(array):
    return array if array is None else array.reshape(-1)


def train(plan, memory, feed, order, batch_size, scalars, step, sums, Y=None, threads=1):
    """A stretch of steps; see the contract in ``fastnn.backends``."""
    layout = _layout(plan, isinstance(feed.X, SparseRows))
    if not layout.compiled:
        numpy_backend.train(plan, memory, feed, order, batch_size, scalars, step, sums, Y)
        return
    capacity = layout.capacity(min(batch_size, order.shape[1]))
    scratch = memory.scratch
    if scratch.get("for") != (layout, capacity, threads):
        scratch |= {"for": (layout, capacity, threads),
                    "work": _aligned(layout.columns * capacity + layout.spare, plan.dtype),
                    "pace": _aligned(core.PACE_BYTES, np.dtype(np.uint8))}
    X, csr = _rows(feed.X, plan)
    layout.train(
        layout.ops, memory.params, memory.grads, memory.slots, scratch["work"], capacity, X,
        _two_dimensional(feed.T, plan.dtype), _flat(feed.labels), _flat(feed.weights), order,
        batch_size, scalars, step, sums, Y, _threads(threads, 3 * layout.work_per_row * batch_size),
        scratch["pace"], csr)


def forward(plan, params, X, Y, training=False, step=0, threads=1):
    """Predictions Y (n, m) of X (n, k); see the contract in ``fastnn.backends``."""
    layout = _layout(plan, isinstance(X, SparseRows))
    n = len(X)
    if n == 0:
        return
    if not layout.compiled:
        numpy_backend.forward(plan, params, X, Y, training, step)
        return
    X, csr = _rows(X, plan)
    if training:
        layout.forward(layout.ops, params, layout.columns, np.arange(layout.capacity(n)), X, Y,
                       True, step, 1, csr=csr)
        return
    order = layout.chunk(n)
    if threads > 1:
        threads = _threads(min(threads, -(-n // len(order))), layout.work_per_row * n)
    layout.forward(layout.ops, params, layout.columns, order, X, Y, False, step, threads, csr=csr)


def bind(plan, params):
    """A function of (X, Y) for predictions of few rows; see the contract in ``fastnn.backends``."""
    layout = _layout(plan, False)
    if not layout.compiled:
        return numpy_backend.bind(plan, params)
    return core.Bound(layout.ops, params, layout.columns, layout.chunk(CHUNK), plan.n_inputs)


def evaluate(plan, params, feed, sums, threads=1):
    """Add the sums of loss and metrics over the feed; see the contract in ``fastnn.backends``."""
    layout = _layout(plan, isinstance(feed.X, SparseRows))
    n = len(feed.X)
    if n == 0:
        return
    if not layout.compiled:
        numpy_backend.evaluate(plan, params, feed, sums)
        return
    order = layout.chunk(n)
    chunks = -(-n // len(order))
    totals = np.zeros((chunks, len(sums)))
    X, csr = _rows(feed.X, plan)
    layout.forward(layout.ops, params, layout.columns, order, X, None, False, 0,
                   _threads(min(threads, chunks), layout.work_per_row * n),
                   _two_dimensional(feed.T, plan.dtype), _flat(feed.labels),
                   _flat(feed.weights), totals, csr)
    # np.cumsum adds one after the other, where np.sum would add in an order of its own
    sums += np.cumsum(totals, axis=0)[-1]


def jacobian(plan, params, X, J, threads=1):
    """Derivatives J (n, m, n_trained) of the outputs; see the contract in ``fastnn.backends``."""
    layout = _layout(plan, False)
    if not layout.compiled or plan.ops["adds"].any():  # each row's gradient would need a spare one
        numpy_backend.jacobian(plan, params, X, J)
    elif len(X):
        threads = _threads(threads, 3 * layout.work_per_row * plan.n_outputs * len(X))
        core.jacobian(layout.ops, params, layout.columns, dense(X), J, threads)


def permutations(seed, first_epoch, n_epochs, n_rows):
    """The orders of the rows in some epochs; see the contract in ``fastnn.backends``."""
    order = np.empty((n_epochs, n_rows), np.int64)
    core.permutations(seed & _WORD, first_epoch, order)
    return order
