"""Losses, metrics and what happens to gradients, in Numba; see ``numba_network``."""

from __future__ import annotations

import numpy as np

from fastnn.backends import numba_formulas as formulas
from fastnn.backends import numba_kernels as kernels
from fastnn.backends import numba_penalties
from fastnn.backends.numba_math import log_, maximum_, minimum_, njit, sqrt_
from fastnn.backends.numba_network import numbers
from fastnn.backends.numba_rows import (
    class_target,
    divisor,
    ignored,
    label,
    overlap_of_batch,
    row_head,
    weight,
)
from fastnn.losses.rows import EPSILON
from fastnn.plan import LINKS, Kind

_SIGMOID = formulas.ACTIVATE_FORMULAS.index("Sigmoid")
_LINK_SIGMOID, _LINK_SOFTMAX = LINKS.index("sigmoid"), LINKS.index("softmax")


@njit
def element_loss(batch, op):
    """The weighted rows' losses a0 * sum_j loss(t_j, y_j), added; in training dsrc, unweighted."""
    w, m, size = batch.work, op.m, batch.n * op.m
    y, dy, formula_numbers = op.src * batch.n, op.dsrc * batch.n, (op.a1, op.a2, op.a3)
    formulas.loss(op.formula, w, batch.room, w, batch.targets, w, y, formula_numbers, size)
    total = 0.0
    for r in range(batch.n):
        row = 0.0
        for j in range(m):
            row += w[batch.room + r * m + j]
        total += row * op.a0 * weight(batch, op, r)
    if batch.training and op.dsrc >= 0:
        formulas.slope(op.formula, w, dy, w, batch.targets, w, y, formula_numbers, size)
        kernels.scale(w, dy, size, w.dtype.type(op.a0))
    return total


@njit
def softmax_loss(batch, op, r):
    """Row r's loss sum_j t_j (log sum exp z - z_j); in training dsrc, unweighted."""
    w, m, y, z = batch.work, op.m, batch.room + r * op.m, op.src * batch.n + r * op.m
    top, scale = kernels.softmax_row(w, y, w, z, m)
    log_scale, total, size = log_(scale), 0.0, w.dtype.type(0)
    for j in range(m):
        t = class_target(batch, op, r, j)
        size += t
        if t != 0:  # where t is 0 a logit of -inf must not make 0 * inf
            total += t * (log_scale - (w[z + j] - top))
    if batch.training and op.dsrc >= 0:
        dz = op.dsrc * batch.n + r * m
        for j in range(m):
            w[dz + j] = w[y + j] * size - class_target(batch, op, r, j)
    return minimum_(total, op.a2) if op.a2 else total


@njit
def cross_loss(batch, op, r):
    """Row r's loss -sum_j t_j log(y_j / sum y), clipped; in training dsrc, unweighted."""
    w, m, y, real = batch.work, op.m, op.src * batch.n + r * op.m, batch.work.dtype.type
    scale, inner, total = real(0), real(0), 0.0
    for j in range(m):
        scale += w[y + j]
    for j in range(m):
        t, q = class_target(batch, op, r, j), w[y + j] / scale
        p = minimum_(maximum_(q, real(EPSILON)), real(1 - EPSILON))
        total -= t * log_(p)
        dq = -t / p if p == q else real(0)
        inner += dq * q
        w[batch.room + j] = dq
    if batch.training and op.dsrc >= 0:
        dy = op.dsrc * batch.n + r * m
        for j in range(m):
            w[dy + j] = (w[batch.room + j] - inner) / scale
    return total


@njit
def row_loss(batch, op, r):
    """The loss of row r; in training dsrc, unweighted."""
    if op.kind == Kind.SOFTMAX_LOSS:
        return softmax_loss(batch, op, r)
    if op.kind == Kind.CROSS_LOSS:
        return cross_loss(batch, op, r)
    return row_head(batch, op, r)


@njit
def add_loss(batch, op, total):
    """Add a batch's loss to the sums."""
    batch.sums[0] += op.weight * total
    if op.own > 0:
        batch.sums[op.own] += total


@njit
def head(batch, op):
    """The prediction; where there are targets, the loss, and in training its gradient."""
    w, n, m = batch.work, batch.n, op.m
    if op.link == _LINK_SIGMOID:
        kernels.copy(w, op.dst * n, w, op.src * n, n * m)
        formulas.activate(np.int64(_SIGMOID), w, op.dst * n, numbers(op), n * m)
    elif op.link == _LINK_SOFTMAX:
        kernels.softmax(w, op.dst * n, w, op.src * n, n, m)
    if op.kind == Kind.OUTPUT and batch.training and op.dsrc >= 0:  # an output without a loss
        for i in range(op.dsrc * n, (op.dsrc + m) * n):
            w[i] = 0
    if not batch.scored or op.kind == Kind.OUTPUT:
        return
    if not op.sparse:
        kernels.gather(w, batch.targets, batch.T, op.t, m, batch.rows, n)
    total = 0.0
    if op.kind == Kind.ELEMENT_LOSS:
        total = element_loss(batch, op)
    elif op.kind == Kind.OVERLAP_LOSS and op.formula:
        total = overlap_of_batch(batch, op)
    else:
        for r in range(n):
            loss = row_loss(batch, op, r)
            if not ignored(batch, op, r):
                total += loss * weight(batch, op, r)
    if not batch.training:
        add_loss(batch, op, total)
        return
    below = divisor(batch, op)
    if below != n:
        total = total * n / below if below else 0.0
    add_loss(batch, op, total)
    if op.dsrc >= 0 and not (op.kind == Kind.OVERLAP_LOSS and op.formula):
        share = w.dtype.type(op.weight)
        for r in range(n):
            if ignored(batch, op, r) or not below:
                kernels.fill(w, op.dsrc * n + r * m, m, w.dtype.type(0))
            else:
                kernels.scale(w, op.dsrc * n + r * m, m,
                              weight(batch, op, r) * share / w.dtype.type(below))


@njit
def element_metric(batch, op):
    """The sum of the rows' a0 * sum_j formula(t_j, y_j)."""
    w, m = batch.work, op.m
    formulas.loss(op.formula, w, batch.room, w, batch.targets, w, op.src * batch.n,
                  (op.a1, op.a2, op.a3), batch.n * m)
    total = 0.0
    for i in range(batch.room, batch.room + batch.n * m):
        total += w[i]
    return total * op.a0


@njit
def hits(batch, op):
    """How many rows (for BINARY_ACCURACY: outputs) of the batch are right."""
    w, m, y = batch.work, op.m, op.src * batch.n
    count = 0
    if op.kind == Kind.BINARY_ACCURACY:
        threshold = w.dtype.type(op.a0)
        for i in range(batch.n * m):
            count += (w[y + i] > threshold) == w[batch.targets + i]
        return count
    for r in range(batch.n):
        best = kernels.argmax(w, y + r * m, m)
        if op.kind == Kind.CATEGORICAL_ACCURACY:
            count += best == kernels.argmax(w, batch.targets + r * m, m)
        else:
            count += best == label(batch, op, r)
    return count


@njit
def top_k_hits(batch, op):
    """How many rows have fewer than a0 outputs larger than that at their class."""
    w, m, y = batch.work, op.m, op.src * batch.n
    count = 0
    for r in range(batch.n):
        first = y + r * m
        if op.kind == Kind.TOP_K_ACCURACY:
            at = w[first + kernels.argmax(w, batch.targets + r * m, m)]
        else:
            at = w[first + label(batch, op, r)]
        larger = 0
        for j in range(m):
            larger += w[first + j] > at if at == at else w[first + j] > -np.inf
        count += larger < op.a0
    return count


@njit
def confusion(batch, op):
    """How many outputs (of column a3, if not -1) are in the cell a1, a2 of the table."""
    w, y, column = batch.work, op.src * batch.n, np.int64(op.a3)
    threshold, count = w.dtype.type(op.a0), 0
    for r in range(batch.n):
        for j in range(op.m) if column < 0 else range(column, column + 1):
            i = r * op.m + j
            count += ((w[y + i] > threshold) == (op.a1 != 0)
                      and (w[batch.targets + i] != 0) == (op.a2 != 0))
    return count


@njit
def penalty_factor(batch, op, scalars):
    """What a penalty is times in this step."""
    return scalars[op.m] if batch.training and op.m >= 0 else 1.0


@njit
def penalty(batch, op, scalars):
    """a0 |w| + a1 w^2 times the step's factor, to be added to the loss of every row."""
    value = (op.a0 * kernels.sum_sizes(batch.params, op.w, op.k)
             + op.a1 * kernels.sum_squares(batch.params, op.w, op.k))
    return value * penalty_factor(batch, op, scalars)


@njit
def score(batch, op, scalars):
    """Metrics, and the penalties' part of the loss."""
    if op.kind == Kind.ELEMENT_METRIC:
        batch.sums[op.dst] += element_metric(batch, op)
    elif op.kind == Kind.BINARY_ACCURACY:
        batch.sums[op.dst] += hits(batch, op) / op.m
    elif op.kind <= Kind.SPARSE_CATEGORICAL_ACCURACY:
        batch.sums[op.dst] += hits(batch, op)
    elif op.kind <= Kind.SPARSE_TOP_K_ACCURACY:
        batch.sums[op.dst] += top_k_hits(batch, op)
    elif op.kind == Kind.CONFUSION:
        batch.sums[op.dst] += confusion(batch, op)
    elif op.kind == Kind.PENALTY:
        batch.sums[max(op.dst, 0)] += penalty(batch, op, scalars) * batch.n
    elif op.kind == Kind.ORTHOGONALITY:
        batch.sums[0] += numba_penalties.orthogonality(batch.params, op) * batch.n


@njit
def waits(op, scalars):
    """Whether the step comes too early for the op."""
    if op.kind < Kind.CLIP_VALUE or op.kind > Kind.AVERAGE or op.b < 0:
        return False
    return scalars[op.b] == 0


@njit
def accumulate(g, op, total, scalars):
    """Gradients are added up; where the sum is complete, their mean takes the gradient's place."""
    kernels.add(total, op.w, total, op.w, g, op.w, op.k)
    if scalars[op.m] != 0:
        for i in range(op.w, op.w + op.k):
            g[i] = total[i] / g.dtype.type(op.a0)
            total[i] = 0


@njit
def trust(p, u, op, scalars):
    """A step along u as long as the parameters are, times the learning rate."""
    size = sqrt_(kernels.sum_squares(p, op.w, op.k))
    length = sqrt_(kernels.sum_squares(u, op.w, op.k))
    ratio = size / length if size > 0 and length > 0 else 1.0
    kernels.subtract(p, op.w, u, op.w, op.k, p.dtype.type(ratio * scalars[op.m]))


@njit
def finish(batch, op, slots, scalars, threads):
    """Penalties of the gradient, clipping, the update, what is around it, and constraints."""
    g, real = batch.grads, batch.grads.dtype.type
    if op.kind < Kind.PENALTY or waits(op, scalars):
        return
    if op.kind == Kind.PENALTY:
        factor = penalty_factor(batch, op, scalars)
        kernels.add_penalty_gradient(
            g, op.w, batch.params, op.w, op.k, real(op.a0 * factor), real(op.a1 * factor))
    elif op.kind == Kind.ORTHOGONALITY:
        numba_penalties.add_orthogonality_gradient(g, batch.params, op)
    elif op.kind == Kind.NON_NEGATIVE:
        numba_penalties.non_negative(batch.params, op.w, op.k)
    elif op.kind == Kind.BOUND_NORM:
        numba_penalties.bound_norms(batch.params, op)
    elif op.kind == Kind.CLIP_VALUE:
        kernels.clip(g, op.w, op.k, real(op.a0))
    elif op.kind == Kind.CLIP_NORM:
        norm = sqrt_(kernels.sum_squares(g, op.w, op.k))
        if norm > op.a0:
            kernels.scale(g, op.w, op.k, real(op.a0 / norm))
    elif op.kind == Kind.UPDATE and threads is not None:
        kernels.update_in_threads(
            threads, op.formula, batch.params, g, slots, op.w, scalars, op.k)
    elif op.kind == Kind.UPDATE:
        formulas.update(op.formula, batch.params, op.w, g, op.w, slots, op.w, scalars, op.k)
    elif op.kind == Kind.ACCUMULATE:
        accumulate(g, op, slots[op.s], scalars)
    elif op.kind == Kind.DECAY:
        kernels.subtract(batch.params, op.w, batch.params, op.w, op.k, real(scalars[op.m]))
    elif op.kind == Kind.TRUST:
        trust(batch.params, g, op, scalars)
    elif op.kind == Kind.AVERAGE:
        kernels.blend(slots[op.s], op.w, batch.params, op.w, op.k, real(scalars[op.m]))
        if scalars[op.m + 1] != 0:
            kernels.copy(batch.params, op.w, slots[op.s], op.w, op.k)
