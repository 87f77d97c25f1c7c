"""The ops of single layers in Numba: the counterpart of ``numpy_layers``, op by op."""

from __future__ import annotations

import math

import numpy as np

from fastnn.backends import numba_kernels as kernels
from fastnn.backends.numba_math import njit, sqrt_
from fastnn.backends.numpy_layers import UNIT_MOST
from fastnn.plan import AFFINES, ENCODINGS, NOISES, ROW_NORMS, Kind

_LAYER, _RMS, _UNIT, _SCALED = range(len(ROW_NORMS))
_GAUSSIAN, _FACTOR, _ALPHA = range(len(NOISES))
_CONSTANTS, _NORMALIZE, _DENORMALIZE = range(len(AFFINES))
_ONE_HOT, _MULTI_HOT, _COUNT, _BINS = range(len(ENCODINGS))

# normalizations of rows


@njit
def sizes(op):
    """How many groups a row has; a group is blocks of so many neighbours, m numbers apart."""
    if op.sums:
        return op.s, op.k // op.m, op.m // op.s
    return op.k // op.m * op.s, np.int64(1), op.m // op.s


@njit
def statistics(op, x, x0, blocks, width):
    """The mean that is taken away, and the factor, of the group that begins at x0."""
    real = x.dtype.type
    mean, total, count = real(0), real(0), real(blocks * width)
    if op.formula == _LAYER or op.formula == _SCALED:
        for q in range(blocks):
            for j in range(width):
                mean += x[x0 + q * op.m + j]
        mean /= count
    for q in range(blocks):
        for j in range(width):
            d = x[x0 + q * op.m + j] - mean
            total += d * d
    if op.formula == _UNIT:
        factor = real(1) / sqrt_(total)
        return mean, real(UNIT_MOST) if factor > real(UNIT_MOST) else factor
    if op.formula == _SCALED:
        mean = real(0)
    return mean, real(1) / sqrt_(total / count + real(op.a0))


@njit
def forward_row_norm(batch, op):
    w, n, k = batch.work, batch.n, op.k
    real, (groups, blocks, width) = w.dtype.type, sizes(op)
    for i in range(n * groups):
        first = i // groups * k + i % groups * width
        mean, factor = statistics(op, w, op.src * n + first, blocks, width)
        w[op.keep * n + i] = factor
        channel = i % groups % op.s * width
        for q in range(blocks):
            for j in range(width):
                at = first + q * op.m + j
                h = (w[op.src * n + at] - mean) * factor
                gamma = batch.params[op.w + channel + j] if op.w >= 0 else real(1)
                beta = batch.params[op.b + channel + j] if op.b >= 0 else real(0)
                w[op.aux * n + at] = h
                w[op.dst * n + at] = gamma * h + beta


@njit
def row_norm_gradient(batch, op, i):
    """dx = factor (d - b - (xhat - h) a): a mean of d xhat, b of d = gamma dy, h of xhat."""
    w, n = batch.work, batch.n
    real, (groups, blocks, width) = w.dtype.type, sizes(op)
    first, factor = i // groups * op.k + i % groups * width, w[op.keep * n + i]
    channel = i % groups % op.s * width
    a, b, h, count = real(0), real(0), real(0), real(blocks * width)
    for q in range(blocks):
        for j in range(width):
            at = first + q * op.m + j
            gamma = batch.params[op.w + channel + j] if op.w >= 0 else real(1)
            d, xhat = w[op.ddst * n + at] * gamma, w[op.aux * n + at]
            a += d * xhat
            b += d
            h += xhat
    if op.formula == _UNIT:  # at its limit the factor does not change with x
        a = a if factor < real(UNIT_MOST) else real(0)
    else:
        a /= count
    b = b / count if op.formula == _LAYER else real(0)
    h = h / count if op.formula == _SCALED else real(0)
    for q in range(blocks):
        for j in range(width):
            at = first + q * op.m + j
            gamma = batch.params[op.w + channel + j] if op.w >= 0 else real(1)
            d, xhat = w[op.ddst * n + at] * gamma, w[op.aux * n + at]
            w[op.dsrc * n + at] = factor * (d - b - (xhat - h) * a)


@njit
def backward_row_norm(batch, op):
    w, n, m = batch.work, batch.n, op.m
    rows, (groups, _, _) = n * op.k // m, sizes(op)
    if op.trains and op.w >= 0:
        kernels.sum_products(batch.grads, op.w, w, op.ddst * n, w, op.aux * n, rows, m)
    if op.trains and op.b >= 0:
        kernels.sum_rows(batch.grads, op.b, w, op.ddst * n, rows, m)
    if op.dsrc >= 0:
        for i in range(n * groups):
            row_norm_gradient(batch, op, i)


# noise


@njit
def noise_quantile(word):
    """``random.noise_quantile`` of a uint64 that holds 32 bits."""
    upper = word >= np.uint64(1 << 31)
    place = np.int64(word ^ np.uint64(0xFFFFFFFF)) if upper else np.int64(word)
    q = (2**31 - 1 - place + 0.5) * 2.0**-32
    if q <= 0.425:
        t = 0.180625 - q * q
        z = q * (((5.9109374720e1 * t + 1.5929113202e2) * t + 5.0434271938e1) * t
                 + 3.3871327179e0) / (((6.7187563600e1 * t + 7.8757757664e1) * t
                                       + 1.7895169469e1) * t + 1.0)
    else:
        r = math.sqrt(-math.log((place + 0.5) * 2.0**-32)) - 1.6
        z = (((1.7023821103e-1 * r + 1.3067284816e0) * r + 2.7568153900e0) * r
             + 1.4234372777e0) / ((1.2021132975e-1 * r + 7.3700164250e-1) * r + 1.0)
    return z if upper else -z


@njit
def noise(out, out0, seed, step, n, k):
    """out[r, c] = ``random.noise``; seed and step: uint64."""
    for r in range(n):
        row = out[out0 + r * k : out0 + r * k + k]
        for i in range((k + 3) // 4):
            words = kernels.philox(np.uint64(r), np.uint64((1 << 31) + i), step, seed)
            for j in range(min(4, k - 4 * i)):
                row[4 * i + j] = noise_quantile(words[j])


@njit
def forward_noise(batch, op):
    w, size = batch.work, batch.n * op.k
    if not batch.training:
        kernels.copy(w, op.dst * batch.n, w, op.src * batch.n, size)
        return
    real, seed, step = w.dtype.type, np.uint64(op.s), np.uint64(batch.step)
    x, y = w[op.src * batch.n :][:size], w[op.dst * batch.n :][:size]
    factor = w[op.aux * batch.n :][:size]
    if op.formula == _ALPHA:
        threshold = np.uint64(np.rint(op.a0 * 65536))
        kernels.dropout_mask(w, op.aux * batch.n, seed, step, threshold, real(op.a1), batch.n, op.k)
        for j in range(size):
            y[j] = x[j] * factor[j] + real(op.a2) if factor[j] != 0 else real(op.a3)
        return
    noise(w, op.aux * batch.n, seed, step, batch.n, op.k)
    for j in range(size):
        z = real(op.a0) * factor[j]
        factor[j] = real(1) if op.formula == _GAUSSIAN else real(1) + z
        y[j] = x[j] + z if op.formula == _GAUSSIAN else x[j] * factor[j]


# fixed maps of a channel


@njit
def channel_map(batch, op, c):
    """centre, factor and shift of a channel."""
    real = batch.work.dtype.type
    if op.formula == _CONSTANTS:
        numbers = batch.constants[op.s + c :]
        return real(numbers[0]), real(numbers[op.m]), real(numbers[2 * op.m])
    mean = batch.params[op.w + c]
    deviation = kernels.maximum_(sqrt_(batch.params[op.b + c]), real(op.a0))
    if op.formula == _NORMALIZE:
        return mean, real(1) / deviation, real(0)
    return real(0), deviation, mean


@njit
def affine(batch, op, forwards):
    """y = (x - centre) * factor + shift, or backwards dx = dy * factor."""
    w, n, k = batch.work, batch.n, op.k
    x0, y0 = (op.src * n, op.dst * n) if forwards else (op.ddst * n, op.dsrc * n)
    for j in range(k):
        centre, factor, shift = channel_map(batch, op, j % op.m)
        for r in range(n):
            if forwards:
                w[y0 + r * k + j] = (w[x0 + r * k + j] - centre) * factor + shift
            else:
                w[y0 + r * k + j] = w[x0 + r * k + j] * factor


# lookups


@njit
def whole(x, limit):
    """The number as an index below the limit, or -1."""
    return np.int64(x) if x > -1 and x < limit else np.int64(-1)


@njit
def forward_embedding(batch, op):
    w, n, m = batch.work, batch.n, op.m
    for i in range(n * op.k):
        row = w[op.dst * n + i * m : op.dst * n + (i + 1) * m]
        index = whole(w[op.src * n + i], op.s)
        for j in range(m):
            row[j] = batch.params[op.w + index * m + j] if index >= 0 else w.dtype.type(np.nan)


@njit
def backward_embedding(batch, op):
    w, n, m = batch.work, batch.n, op.m
    if not op.trains:
        return
    for i in range(op.s * m):
        batch.grads[op.w + i] = 0
    for i in range(n * op.k):
        index = whole(w[op.src * n + i], op.s)
        if index >= 0:
            for j in range(m):
                batch.grads[op.w + index * m + j] += w[op.ddst * n + i * m + j]


@njit
def forward_encode(batch, op):
    w, n, k, m = batch.work, batch.n, op.k, op.m
    width = k if op.formula == _BINS else m * k if op.formula == _ONE_HOT else m
    for r in range(n):
        y = w[op.dst * n + r * width :][:width]
        for j in range(width):
            y[j] = 0
        for j in range(k):
            x = w[op.src * n + r * k + j]
            if op.formula == _BINS:
                for c in range(m):
                    y[j] += w.dtype.type(batch.constants[op.s + c]) <= x
                continue
            index = whole(x, m)
            if index >= 0 and op.formula == _ONE_HOT:
                y[j * m + index] = 1
            elif index >= 0:
                y[index] = y[index] + 1 if op.formula == _COUNT else 1


# places


@njit
def forward_gather(batch, op):
    w, n = batch.work, batch.n
    for r in range(n):
        x, y = w[(op.src * n + r * op.k) :][: op.k], w[(op.dst * n + r * op.m) :][: op.m]
        for j in range(op.m):
            at = np.int64(batch.constants[op.s + j])
            y[j] = x[at] if at >= 0 else 0


@njit
def backward_gather(batch, op):
    w, n = batch.work, batch.n
    for r in range(n):
        dx, dy = w[(op.dsrc * n + r * op.k) :][: op.k], w[(op.ddst * n + r * op.m) :][: op.m]
        for j in range(op.k):
            dx[j] = 0
        for j in range(op.m):
            at = np.int64(batch.constants[op.s + j])
            if at >= 0:
                dx[at] += dy[j]


@njit
def forward(batch, op):
    if op.kind == Kind.ROW_NORM:
        forward_row_norm(batch, op)
    elif op.kind == Kind.NOISE:
        forward_noise(batch, op)
    elif op.kind == Kind.AFFINE:
        affine(batch, op, True)
    elif op.kind == Kind.EMBEDDING:
        forward_embedding(batch, op)
    elif op.kind == Kind.ENCODE:
        forward_encode(batch, op)
    elif op.kind == Kind.GATHER:
        forward_gather(batch, op)


@njit
def backward(batch, op):
    """A step function's gradient is 0."""
    w, n, k = batch.work, batch.n, op.k
    if op.kind == Kind.ROW_NORM:
        backward_row_norm(batch, op)
    elif op.kind == Kind.NOISE and op.dsrc >= 0:
        kernels.times(w, op.dsrc * n, w, op.ddst * n, w, op.aux * n, n * k)
    elif op.kind == Kind.AFFINE and op.dsrc >= 0:
        affine(batch, op, False)
    elif op.kind == Kind.GATHER and op.dsrc >= 0:
        backward_gather(batch, op)
    elif op.kind == Kind.EMBEDDING:
        backward_embedding(batch, op)
    if (op.kind == Kind.EMBEDDING or op.kind == Kind.ENCODE) and op.dsrc >= 0:
        for j in range(op.dsrc * n, op.dsrc * n + n * k):
            w[j] = 0
