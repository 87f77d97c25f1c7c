"""Constraints, and the penalty of directions, in Numba; see ``numba_network``."""

from __future__ import annotations

import numpy as np

from fastnn.backends.numba_math import maximum_, minimum_, njit, sqrt_


@njit
def non_negative(p, p0, size):
    """p = max(p, 0)."""
    p = p[p0 : p0 + size]
    for j in range(size):
        p[j] = maximum_(p[j], p.dtype.type(0))


@njit
def bound_norms(p, op):
    """BOUND_NORM: w[k, m, s] *= desired / (a3 + norm along m)."""
    real, rate = p.dtype.type, p.dtype.type(op.a2)
    for i in range(op.k * op.s):
        first = op.w + i // op.s * op.m * op.s + i % op.s
        squares = 0.0
        for j in range(op.m):
            squares += np.float64(p[first + j * op.s]) * np.float64(p[first + j * op.s])
        norm = real(sqrt_(squares))
        desired = minimum_(maximum_(norm, real(op.a0)), real(op.a1))
        if rate != 1:
            desired = rate * desired + (real(1) - rate) * norm
        factor = desired / (real(op.a3) + norm)
        for j in range(op.m):
            p[first + j * op.s] *= factor


# ORTHOGONALITY: a0 / (v (v - 1)) times the sum of |u_i . u_j| over the v rows (s = 0) or columns of
# w[k, m], u_i being vector i over its norm, or over a1 if that is larger.


@njit
def _shape(op):
    """The number of vectors, how far they are apart, that of their numbers, how many these are."""
    return (op.m, np.int64(1), op.m, op.k) if op.s else (op.k, op.m, np.int64(1), op.m)


@njit
def _dot(p, x, y, step, size):
    total = 0.0
    for e in range(size):
        total += np.float64(p[x + e * step]) * np.float64(p[y + e * step])
    return total


@njit
def _inverse(p, x, step, size, epsilon):
    """1 / the norm, and whether that is no less than epsilon."""
    norm = sqrt_(_dot(p, x, x, step, size))
    return (1 / epsilon, False) if norm < epsilon else (1 / norm, True)


@njit
def orthogonality(p, op):
    """The penalty."""
    count, apart, step, size = _shape(op)
    total = 0.0
    for i in range(count):
        x, inner = op.w + i * apart, 0.0
        for j in range(count):
            if j != i:
                y = op.w + j * apart
                inner += abs(_dot(p, x, y, step, size)) * _inverse(p, y, step, size, op.a1)[0]
        total += inner * _inverse(p, x, step, size, op.a1)[0]
    return op.a0 / (np.float64(count) * (count - 1)) * total


@njit
def add_orthogonality_gradient(g, p, op):
    """grads[w] += the penalty's gradient."""
    count, apart, step, size = _shape(op)
    scale, real = 2 * op.a0 / (np.float64(count) * (count - 1)), p.dtype.type
    for i in range(count):
        x, inner = op.w + i * apart, 0.0
        inverse, turns = _inverse(p, x, step, size, op.a1)
        for j in range(count):
            y = op.w + j * apart
            cosine = _dot(p, x, y, step, size) * inverse * _inverse(p, y, step, size, op.a1)[0]
            if j == i or cosine == 0:
                continue
            inner += abs(cosine)
            factor = real(scale * inverse * _inverse(p, y, step, size, op.a1)[0] * np.sign(cosine))
            for e in range(size):
                g[x + e * step] += factor * p[y + e * step]
        if turns:  # what lies along the vector does not turn it
            factor = real(scale * inner * inverse * inverse)
            for e in range(size):
                g[x + e * step] -= factor * p[x + e * step]
