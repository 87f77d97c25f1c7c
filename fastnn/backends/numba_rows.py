"""The heads that look at a whole row, in Numba; ``fastnn.losses.rows`` is the specification."""

from __future__ import annotations

from fastnn.backends import numba_kernels as kernels
from fastnn.backends.numba_math import exp_, log_, maximum_, minimum_, njit, sqrt_
from fastnn.losses.rows import EPSILON, TINY
from fastnn.plan import Kind


@njit
def weight(batch, op, r):
    """The weight of the batch's row r for a head, of the plan's type."""
    if not batch.weights.size:
        return batch.work.dtype.type(1)
    return batch.weights[batch.rows[r] * batch.weight_width + op.v]


@njit
def label(batch, op, r):
    """The class number of the batch's row r for a head or a metric."""
    return batch.labels[batch.rows[r] * batch.label_width + op.t]


@njit
def ignored(batch, op, r):
    """Whether row r is of the class that does not count."""
    return op.sparse == 2 and label(batch, op, r) == op.s


@njit
def divisor(batch, op):
    """What the batch's summed loss is divided by: its rows, 1, or the sum of their weights."""
    if op.kind == Kind.OVERLAP_LOSS and op.formula and not batch.weights.size:
        return float(batch.n)  # the one loss of a batch is no sum
    if op.sums == 1:
        return 1.0
    total = 0.0
    for r in range(batch.n):
        if not ignored(batch, op, r):
            total += 1.0 if op.sums == 0 else float(weight(batch, op, r))
    return total


@njit
def class_target(batch, op, r, j):
    """The target of row r and class j: smoothed by a1, or one-hot of the label."""
    real = batch.work.dtype.type
    if op.sparse:
        return real(1) if label(batch, op, r) == j else real(0)
    t, s = batch.work[batch.targets + r * op.m + j], real(op.a1)
    return t if s == 0 else t * (real(1) - s) + s / real(op.m)


@njit
def row_head(batch, op, r):
    """Row r's loss; in training dsrc, unweighted."""
    if op.kind == Kind.COSINE_LOSS:
        return cosine_loss(batch, op, r)
    if op.kind == Kind.CATEGORICAL_HINGE_LOSS:
        return categorical_hinge_loss(batch, op, r)
    if op.kind == Kind.OVERLAP_LOSS:
        return overlap_loss(batch, op, r)
    if op.formula < 2:
        return focal_loss(batch, op, r)
    return generalized_loss(batch, op, r)


@njit
def cosine_loss(batch, op, r):
    w, m, real = batch.work, op.m, batch.work.dtype.type
    t, y, dy = batch.targets + r * m, op.src * batch.n + r * m, op.dsrc * batch.n + r * m
    limit, over_t, over_y, cosine = real(1 / EPSILON), real(0), real(0), real(0)
    zeros = True
    for j in range(m):
        over_t += w[t + j] * w[t + j]
        over_y += w[y + j] * w[y + j]
        zeros = zeros and w[y + j] == 0
    over_t = minimum_(real(1) / sqrt_(over_t), limit)
    over_y = minimum_(real(1) / sqrt_(over_y), limit)
    for j in range(m):
        cosine += (w[t + j] * over_t) * (w[y + j] * over_y)
    if batch.training and op.dsrc >= 0:
        along = cosine if over_y < limit else real(0)  # below it the norm is no variable
        for j in range(m):
            w[dy + j] = (along * (w[y + j] * over_y) - w[t + j] * over_t) * over_y
        if zeros:
            kernels.fill(w, dy, m, real(0))
    return float(-cosine)


@njit
def categorical_hinge_loss(batch, op, r):
    w, m, real = batch.work, op.m, batch.work.dtype.type
    t, y, dy = batch.targets + r * m, op.src * batch.n + r * m, op.dsrc * batch.n + r * m
    best, dot, top = 0, real(0), (real(1) - w[t]) * w[y]
    for j in range(m):
        wrong = (real(1) - w[t + j]) * w[y + j]
        dot += w[t + j] * w[y + j]
        if wrong > top or (wrong != wrong and top == top):  # the first NaN wins, as in NumPy
            best, top = j, wrong
    margin = real(1) + top - dot
    if batch.training and op.dsrc >= 0:
        for j in range(m):
            w[dy + j] = real(0) if margin <= 0 else -w[t + j]
        if not margin <= 0:
            w[dy + best] = real(1) - real(2) * w[t + best]
    return float(maximum_(margin, real(0)))


@njit
def focal_loss(batch, op, r):
    w, m, real = batch.work, op.m, batch.work.dtype.type
    z, g, dy = op.src * batch.n + r * m, batch.room + r * m, op.dsrc * batch.n + r * m
    alpha, gamma, linked = real(op.a2), real(op.a3), op.formula == 1
    inner, loss, top, total, log_total = real(0), 0.0, real(0), real(0), real(0)
    if linked:
        top, total = kernels.softmax_row(w, g, w, z, m)
        log_total = log_(total)
    else:
        for j in range(m):
            total += w[z + j]
    trains = batch.training and op.dsrc >= 0
    for j in range(m):
        t = class_target(batch, op, r, j)
        if linked:
            q = w[g + j]
            p = q
            log_p = w[z + j] - top - log_total
        else:
            q = w[z + j] / total
            p = minimum_(maximum_(q, real(EPSILON)), real(1 - EPSILON))
            log_p = log_(p)
        rest = maximum_(real(1) - p, real(TINY))
        share = alpha * t * exp_(gamma * log_(rest))
        slope = real(0)
        if t != 0:
            loss -= share * log_p
            slope = share * (gamma * p * log_p / rest - real(1))
        if linked:
            inner += slope
            if trains:
                w[dy + j] = slope
        else:
            w[g + j] = slope / p if p == q else real(0)
            inner += w[g + j] * q
    for j in range(m if trains else 0):
        w[dy + j] = w[dy + j] - w[g + j] * inner if linked else (w[g + j] - inner) / total
    return float(loss)


@njit
def generalized_loss(batch, op, r):
    w, m, real = batch.work, op.m, batch.work.dtype.type
    z, p, dy = op.src * batch.n + r * m, batch.room + r * m, op.dsrc * batch.n + r * m
    q, linked, label = real(op.a2), op.formula == 3, real(0)
    if linked:
        kernels.softmax_row(w, p, w, z, m)
    else:
        kernels.copy(w, p, w, z, m)
    for j in range(m):
        label += class_target(batch, op, r, j) * w[p + j]
    power = exp_(q * log_(label)) if label != 0 else real(0)
    slope = exp_((q - real(1)) * log_(maximum_(label, real(EPSILON))))
    for j in range(m if batch.training and op.dsrc >= 0 else 0):
        t = class_target(batch, op, r, j)
        if linked:
            w[dy + j] = power * (w[p + j] - t)
        else:
            w[dy + j] = -t * slope
    return float((real(1) - power) / q)


@njit
def overlap_loss(batch, op, r):
    w, m, real = batch.work, op.m, batch.work.dtype.type
    t, y, dy = batch.targets + r * m, op.src * batch.n + r * m, op.dsrc * batch.n + r * m
    c, a, b, d = real(op.a0), real(op.a1), real(op.a2), real(op.a3)
    inside, all_t, all_y = real(0), real(0), real(0)
    for j in range(m):
        inside += w[t + j] * w[y + j]
        all_t += w[t + j]
        all_y += w[y + j]
    below = a * inside + b * all_t + d * all_y + real(EPSILON)
    for j in range(m if batch.training and op.dsrc >= 0 else 0):
        w[dy + j] = -c * (w[t + j] * below - inside * (a * w[t + j] + d)) / (below * below)
    return float(real(1) - c * inside / below)


@njit
def overlap_of_batch(batch, op):
    """The batch's one loss times the sum of its rows' weights; dsrc, weighted. In training only."""
    if not batch.training:
        return 0.0
    w, size, real = batch.work, batch.n * op.m, batch.work.dtype.type
    t, y, dy = batch.targets, op.src * batch.n, op.dsrc * batch.n
    inside, all_t, all_y, weights = 0.0, 0.0, 0.0, 0.0
    for i in range(size):
        inside += w[t + i] * w[y + i]
        all_t += w[t + i]
        all_y += w[y + i]
    for r in range(batch.n):
        weights += weight(batch, op, r)
    below = op.a1 * inside + op.a2 * all_t + op.a3 * all_y + EPSILON
    total = divisor(batch, op)
    part = real(weights * op.weight / total) if total else real(0)
    c, a, d = real(op.a0), real(op.a1), real(op.a3)
    top, bottom = real(inside), real(below)
    for i in range(size if op.dsrc >= 0 else 0):
        slope = -c * (w[t + i] * bottom - top * (a * w[t + i] + d)) / (bottom * bottom)
        w[dy + i] = slope * part
    return (1 - op.a0 * inside / below) * weights
