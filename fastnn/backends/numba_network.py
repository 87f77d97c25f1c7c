"""What each op of the plan does, in Numba: the counterpart of ``numpy_backend``, op by op.

A value (n, width) lies row-major at ``offset * n`` of the workspace. Behind the plan's columns the
workspace has ``n_outputs`` columns for the batch's targets and then room for what an op computes on
its way: n_outputs columns, or twice the channels of a batch normalization.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fastnn.backends import numba_formulas as formulas
from fastnn.backends import numba_groups as groups
from fastnn.backends import numba_kernels as kernels
from fastnn.backends import numba_layers as layers
from fastnn.backends import numba_merging as merging
from fastnn.backends.numba_math import njit
from fastnn.plan import Kind
from fastnn.plan import in_network as _in_network

PAYS = 1 << 22  # multiply-adds from which a product is shared among threads


class Batch(NamedTuple):
    """One pass of a batch of n rows through the plan: the arrays and settings the ops look up.

    rows : (n,) the batch's row numbers in X, T, labels and weights, each of which may be empty.
    targets, room : where these begin in ``work``.
    scored : whether there are targets. label_width, weight_width : numbers for each row.
    """

    params: np.ndarray
    grads: np.ndarray
    work: np.ndarray
    X: np.ndarray
    T: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    rows: np.ndarray
    sums: np.ndarray
    targets: int
    room: int
    n: int
    step: int
    training: bool
    scored: bool
    constants: np.ndarray
    label_width: int
    weight_width: int


in_network = njit(_in_network)


@njit
def numbers(op):
    return op.a0, op.a1, op.a2, op.a3


# the network


@njit
def multiply(threads, out, out0, a, a0, down, right, b, b0, width, rows, depth, m):
    """``kernels.multiply``, by several threads where they pay; ``threads`` may be None."""
    if threads is None or rows * depth * m < PAYS:
        kernels.multiply(out, out0, a, a0, down, right, b, b0, width, rows, depth, m)
    else:
        kernels.multiply_in_threads(
            threads, out, out0, a, a0, down, right, b, b0, width, rows, depth, m)


@njit
def multiply_transposed(threads, out, out0, a, a0, b, b0, rows, depth, m):
    """``kernels.multiply_transposed``, by several threads where they pay."""
    if threads is None or rows * depth * m < PAYS:
        kernels.multiply_transposed(out, out0, a, a0, b, b0, rows, depth, m)
    else:
        kernels.multiply_transposed_in_threads(
            threads, out, out0, a, a0, b, b0, rows, depth, m)


@njit
def forward_dense(batch, op, threads):
    """With one output W is its own transpose, and the loops over the inputs are the longer ones."""
    w, n, k, m = batch.work, batch.n, op.k, op.m
    z, one = op.dst * n, np.int64(1)
    if m == 1:
        multiply_transposed(threads, w, z, w, op.src * n, batch.params, op.w, n, k, m)
    else:
        multiply(threads, w, z, w, op.src * n, k, one, batch.params, op.w, m, n, k, m)
    if op.b >= 0:
        kernels.add_to_rows(w, z, batch.params, op.b, n, m, w.dtype.type(1))
    if op.keep >= 0:
        kernels.copy(w, op.keep * n, w, z, n * m)
    if op.formula != 0:
        formulas.activate(op.formula, w, z, numbers(op), n * m)


@njit
def backward_dense(batch, op, threads):
    w, n, k, m = batch.work, batch.n, op.k, op.m
    dz, one = op.ddst * n, np.int64(1)  # Numba would compile the kernels anew for a literal 1
    if op.formula != 0:
        z = op.keep if op.keep >= 0 else op.dst
        formulas.derive(op.formula, w, dz, w, op.dst * n, w, z * n, numbers(op), n * m)
    if op.trains and m == 1:
        multiply(threads, batch.grads, op.w, w, dz, one, one, w, op.src * n, k, one, n, k)
    elif op.trains:
        multiply(threads, batch.grads, op.w, w, op.src * n, one, k, w, dz, m, k, n, m)
    if op.trains and op.b >= 0:
        kernels.sum_rows(batch.grads, op.b, w, dz, n, m)
    if op.dsrc >= 0 and m == 1:
        multiply(threads, w, op.dsrc * n, w, dz, one, one, batch.params, op.w, k, n, one, k)
    elif op.dsrc >= 0:
        multiply_transposed(threads, w, op.dsrc * n, w, dz, batch.params, op.w, n, m, k)


@njit
def forward_dropout(batch, op):
    w, n, k = batch.work, batch.n, op.k
    if not batch.training:
        kernels.copy(w, op.dst * n, w, op.src * n, n * k)
        return
    factor = w.dtype.type(0.0 if op.a0 == 1 else 1 / (1 - op.a0))
    threshold = np.uint64(np.rint(op.a0 * 65536))
    kernels.dropout_mask(w, op.aux * n, np.uint64(op.s), np.uint64(batch.step), threshold, factor,
                         n, k)
    kernels.times(w, op.dst * n, w, op.src * n, w, op.aux * n, n * k)


@njit
def forward_batch_norm(batch, op):
    w, n, m = batch.work, batch.n, op.m
    x, y, xhat, scale, rows = op.src * n, op.dst * n, op.aux * n, op.keep * n, n * op.k // m
    real = w.dtype.type
    kernels.copy(w, xhat, w, x, rows * m)
    if batch.training and not op.frozen:
        mean, variance = batch.room, batch.room + m
        kernels.sum_rows(w, mean, w, x, rows, m)
        kernels.scale(w, mean, m, real(1) / real(rows))
        kernels.add_to_rows(w, xhat, w, mean, rows, m, real(-1))
        kernels.sum_products(w, variance, w, xhat, w, xhat, rows, m)
        kernels.scale(w, variance, m, real(1) / real(rows))
        kernels.blend(batch.params, op.s, w, mean, 2 * m, real(op.a0))
        kernels.inverse_root(w, scale, w, variance, m, real(op.a1))
    else:
        kernels.add_to_rows(w, xhat, batch.params, op.s, rows, m, real(-1))
        kernels.inverse_root(w, scale, batch.params, op.s + m, m, real(op.a1))
    kernels.scale_columns(w, xhat, w, scale, rows, m)
    kernels.copy(w, y, w, xhat, rows * m)
    if op.w >= 0:
        kernels.scale_columns(w, y, batch.params, op.w, rows, m)
    if op.b >= 0:
        kernels.add_to_rows(w, y, batch.params, op.b, rows, m, real(1))


@njit
def backward_batch_norm(batch, op):
    w, n, m = batch.work, batch.n, op.m
    dx, dy, xhat, rows = op.dsrc * n, op.ddst * n, op.aux * n, n * op.k // m
    dgamma, dbeta = batch.room, batch.room + m
    kernels.sum_products(w, dgamma, w, dy, w, xhat, rows, m)
    kernels.sum_rows(w, dbeta, w, dy, rows, m)
    if op.trains and op.w >= 0:
        kernels.copy(batch.grads, op.w, w, dgamma, m)
    if op.trains and op.b >= 0:
        kernels.copy(batch.grads, op.b, w, dbeta, m)
    if op.dsrc < 0:
        return
    if op.frozen:
        kernels.copy(w, dx, w, dy, rows * m)
    else:
        kernels.scale(w, dgamma, 2 * m, w.dtype.type(1) / w.dtype.type(rows))
        kernels.batch_norm_gradient(w, dx, w, dy, w, xhat, w, dgamma, rows, m)
    kernels.scale_columns(w, dx, w, op.keep * n, rows, m)
    if op.w >= 0:
        kernels.scale_columns(w, dx, batch.params, op.w, rows, m)


@njit
def backward_activity(batch, op):
    w, size, real = batch.work, batch.n * op.k, batch.work.dtype.type
    kernels.copy(w, op.dsrc * batch.n, w, op.ddst * batch.n, size)
    kernels.add_penalty_gradient(w, op.dsrc * batch.n, w, op.src * batch.n, size,
                                 real(op.a0 / batch.n), real(op.a1 / batch.n))


@njit
def forward(batch, op, threads):
    w, n, k, m = batch.work, batch.n, op.k, op.m
    src, src2, dst = op.src * n, op.src2 * n, op.dst * n
    if op.kind == Kind.INPUT:
        kernels.gather(w, dst, batch.X, op.s, k, batch.rows, n)
    elif op.kind == Kind.DENSE:
        forward_dense(batch, op, threads)
    elif op.kind == Kind.ACTIVATION:
        kernels.copy(w, dst, w, src, n * k)
        formulas.activate(op.formula, w, dst, numbers(op), n * k)
    elif op.kind == Kind.SOFTMAX:
        kernels.softmax(w, dst, w, src, n * k // op.s, op.s)
    elif op.kind == Kind.DROPOUT:
        forward_dropout(batch, op)
    elif op.kind == Kind.BATCH_NORM:
        forward_batch_norm(batch, op)
    elif op.kind == Kind.ADD:
        kernels.add(w, dst, w, src, w, src2, n * k)
    elif op.kind == Kind.MULTIPLY:
        kernels.times(w, dst, w, src, w, src2, n * k)
    elif op.kind == Kind.CONCATENATE:
        kernels.copy_rows(w, dst, k + m, w, src, k, n, k)
        kernels.copy_rows(w, dst + k, k + m, w, src2, m, n, m)
    elif op.kind == Kind.ACTIVITY and batch.scored:
        batch.sums[0] += (op.a0 * kernels.sum_sizes(w, src, n * k)
                          + op.a1 * kernels.sum_squares(w, src, n * k))
    elif Kind.ROW_NORM <= op.kind <= Kind.GATHER:
        layers.forward(batch, op)
    elif op.kind == Kind.LOG_SOFTMAX:
        groups.log_softmax(w, dst, src, n * k // op.s, op.s)
    elif op.kind == Kind.SPARSEMAX:
        groups.sparsemax(w, dst, src, n * k // op.s, op.s)
    elif op.kind == Kind.GLU:
        groups.glu(w, dst, src, n * k // op.s, op.s // 2)
    elif op.kind == Kind.PRELU:
        groups.prelu(w, dst, src, src, batch.params, op.w, n, k, m, op.s)
    elif op.kind == Kind.MERGE:
        a, b = w.dtype.type(op.a0), w.dtype.type(op.a1)
        merging.merge(op.formula, w, dst, w, src, w, src2, a, b, n * k)
    elif op.kind == Kind.DOT:
        merging.dot(w, dst, w, src, w, src2, w, op.keep * n, op.a0 != 0, n, k)


@njit
def backward(batch, op, threads):
    w, n, k, m = batch.work, batch.n, op.k, op.m
    dsrc, dsrc2, ddst = op.dsrc * n, op.dsrc2 * n, op.ddst * n
    src, src2, dst = op.src * n, op.src2 * n, op.dst * n
    if op.kind == Kind.DENSE:
        backward_dense(batch, op, threads)
    elif op.kind == Kind.ACTIVATION:
        formulas.derive(op.formula, w, ddst, w, dst, w, src, numbers(op), n * k)
        kernels.copy(w, dsrc, w, ddst, n * k)
    elif op.kind == Kind.SOFTMAX:
        kernels.softmax_gradient(w, dsrc, w, ddst, w, dst, n * k // op.s, op.s)
    elif op.kind == Kind.DROPOUT:
        kernels.times(w, dsrc, w, ddst, w, op.aux * n, n * k)
    elif op.kind == Kind.BATCH_NORM:
        backward_batch_norm(batch, op)
    elif op.kind == Kind.FORK:
        kernels.add(w, dsrc, w, ddst, w, dsrc2, n * k)
    elif op.kind == Kind.ADD:
        if dsrc >= 0:
            kernels.copy(w, dsrc, w, ddst, n * k)
        if dsrc2 >= 0:
            kernels.copy(w, dsrc2, w, ddst, n * k)
    elif op.kind == Kind.MULTIPLY:
        if dsrc >= 0:
            kernels.times(w, dsrc, w, ddst, w, src2, n * k)
        if dsrc2 >= 0:
            kernels.times(w, dsrc2, w, ddst, w, src, n * k)
    elif op.kind == Kind.CONCATENATE:
        if dsrc >= 0:
            kernels.copy_rows(w, dsrc, k, w, ddst, k + m, n, k)
        if dsrc2 >= 0:
            kernels.copy_rows(w, dsrc2, m, w, ddst + k, k + m, n, m)
    elif op.kind == Kind.ACTIVITY:
        backward_activity(batch, op)
    elif Kind.ROW_NORM <= op.kind <= Kind.GATHER:
        layers.backward(batch, op)
    elif op.kind == Kind.LOG_SOFTMAX:
        groups.log_softmax_gradient(w, dsrc, ddst, dst, n * k // op.s, op.s)
    elif op.kind == Kind.SPARSEMAX:
        groups.sparsemax_gradient(w, dsrc, ddst, dst, n * k // op.s, op.s)
    elif op.kind == Kind.GLU:
        groups.glu_gradient(w, dsrc, ddst, src, n * k // op.s, op.s // 2)
    elif op.kind == Kind.PRELU:
        if op.trains:
            groups.prelu_gradient(batch.grads, op.w, w, ddst, src, n, k, m, op.s)
        if dsrc >= 0:
            groups.prelu(w, dsrc, ddst, src, batch.params, op.w, n, k, m, op.s)
    elif op.kind == Kind.MERGE:
        a, b = w.dtype.type(op.a0), w.dtype.type(op.a1)
        if dsrc >= 0:
            merging.merge_gradient(op.formula, w, dsrc, w, ddst, w, src, w, src2, a, n * k)
        if dsrc2 >= 0:
            merging.merge_gradient(op.formula, w, dsrc2, w, ddst, w, src2, w, src, b, n * k)
    elif op.kind == Kind.DOT:
        keep, normalized, zero, one = op.keep * n, op.a0 != 0, np.int64(0), np.int64(1)
        if dsrc >= 0:
            merging.dot_gradient(w, dsrc, w, src, w, src2, w, dst, w, ddst, w, keep, zero,
                                 normalized, n, k)
        if dsrc2 >= 0:
            merging.dot_gradient(w, dsrc2, w, src2, w, src, w, dst, w, ddst, w, keep, one,
                                 normalized, n, k)


@njit
def add_backward(batch, op, threads, spare):
    """The backward of an op whose parameters have a gradient already: the sum of both."""
    start = merging.first_parameter(op)
    merging.clear(spare, start, op.adds)
    other = Batch(batch.params, spare, batch.work, batch.X, batch.T, batch.labels, batch.weights,
                  batch.rows, batch.sums, batch.targets, batch.room, batch.n, batch.step,
                  batch.training, batch.scored, batch.constants, batch.label_width,
                  batch.weight_width)
    backward(other, op, threads)
    merging.add_to(batch.grads, spare, start, op.adds)
