"""MERGE and DOT in Numba, and gradients that are added to others; see ``numba_network``."""

from __future__ import annotations

from fastnn.backends.numba_math import minimum_, njit, sqrt_
from fastnn.plan import MERGES

_COMBINE, _MAXIMUM = MERGES.index("combine"), MERGES.index("maximum")


@njit
def merge(code, y, y0, one, one0, two, two0, a, b, size):
    """y = a one + b two, or the larger or smaller of the two; NaN where one of them is."""
    y, one, two = y[y0 : y0 + size], one[one0 : one0 + size], two[two0 : two0 + size]
    if code == _COMBINE:
        for j in range(size):
            y[j] = a * one[j] + b * two[j]
    elif code == _MAXIMUM:
        for j in range(size):
            y[j] = one[j] if one[j] > two[j] or one[j] != one[j] else two[j]
    else:
        for j in range(size):
            y[j] = one[j] if one[j] < two[j] or one[j] != one[j] else two[j]


@njit
def merge_gradient(code, dx, dx0, dy, dy0, own, own0, other, other0, a, size):
    """dx = a dy, or dy where the own number was taken; half of it where the two are equal."""
    dx, dy = dx[dx0 : dx0 + size], dy[dy0 : dy0 + size]
    own, other = own[own0 : own0 + size], other[other0 : other0 + size]
    real = dx.dtype.type
    if code == _COMBINE:
        for j in range(size):
            dx[j] = dy[j] * a
        return
    for j in range(size):
        taken = own[j] > other[j] if code == _MAXIMUM else own[j] < other[j]
        dx[j] = dy[j] * (real(1) if taken else real(0.5) if own[j] == other[j] else real(0))


@njit
def dot(c, c0, one, one0, two, two0, inverse, inverse0, normalized, n, k):
    """c[r] = one[r] . two[r]; normalized: of rows divided by their norms, 1 / inverse[r, :2]."""
    real, most = c.dtype.type, c.dtype.type(1e7)
    for r in range(n):
        x, y = one[one0 + r * k : one0 + r * k + k], two[two0 + r * k : two0 + r * k + k]
        total, first, second = real(0), real(0), real(0)
        for j in range(k):
            total += x[j] * y[j]
            first += x[j] * x[j]
            second += y[j] * y[j]
        if normalized:
            i = inverse0 + 2 * r
            inverse[i] = minimum_(real(1) / sqrt_(first), most) if first != 0 else most
            inverse[i + 1] = minimum_(real(1) / sqrt_(second), most) if second != 0 else most
            total = total * inverse[i] * inverse[i + 1]
        c[c0 + r] = total


@njit
def dot_gradient(dx, dx0, x, x0, y, y0, c, c0, dc, dc0, inverse, inverse0, side, normalized, n, k):
    """dx = y dc, or (y / |y| - c x / |x|) / |x| dc, row by row."""
    real = dx.dtype.type
    for r in range(n):
        out, d = dx[dx0 + r * k : dx0 + r * k + k], dc[dc0 + r]
        a, b = x[x0 + r * k : x0 + r * k + k], y[y0 + r * k : y0 + r * k + k]
        if not normalized:
            for j in range(k):
                out[j] = b[j] * d
            continue
        mine, yours = inverse[inverse0 + 2 * r + side], inverse[inverse0 + 2 * r + 1 - side]
        slope = mine if mine < real(1e7) else real(0)  # where the bound holds it is fixed
        for j in range(k):
            out[j] = (b[j] * yours - c[c0 + r] * a[j] * slope) * mine * d


@njit
def first_parameter(op):
    """Where the parameters of an op begin."""
    return op.b if op.w < 0 or 0 <= op.b < op.w else op.w


@njit
def clear(x, start, stop):
    """x[start:stop] = 0."""
    x = x[start:stop]
    for j in range(x.size):
        x[j] = 0


@njit
def add_to(x, y, start, stop):
    """x[start:stop] += y[start:stop]."""
    x, y = x[start:stop], y[start:stop]
    for j in range(x.size):
        x[j] += y[j]
