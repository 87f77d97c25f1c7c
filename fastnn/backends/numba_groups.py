"""Numba kernels of the ops on groups of columns (src_cy/groups.pxi), and of PReLU.

Values lie in one array ``w``, the workspace, at the places given.
"""

from __future__ import annotations

from fastnn.backends.numba_math import exp_, log_, maximum_, njit


@njit
def subtract_largest(w, y0, z0, m):
    """y = z - max z."""
    y, z = w[y0 : y0 + m], w[z0 : z0 + m]
    top = z[0]
    for j in range(1, m):
        if z[j] > top or z[j] != z[j]:  # a NaN stays
            top = z[j]
    for j in range(m):
        y[j] = z[j] - top


@njit
def log_softmax(w, y0, z0, n, m):
    """y = z - log sum exp(z), row by row."""
    for r in range(n):
        subtract_largest(w, y0 + r * m, z0 + r * m, m)
        y, total = w[y0 + r * m : y0 + r * m + m], w.dtype.type(0)
        for j in range(m):
            total += exp_(y[j])
        total = log_(total)
        for j in range(m):
            y[j] -= total


@njit
def log_softmax_gradient(w, dz0, dy0, y0, n, m):
    """dz = dy - exp(y) sum dy, row by row."""
    for r in range(n):
        dy, y = w[dy0 + r * m : dy0 + r * m + m], w[y0 + r * m : y0 + r * m + m]
        dz, total = w[dz0 + r * m : dz0 + r * m + m], w.dtype.type(0)
        for j in range(m):
            total += dy[j]
        for j in range(m):
            dz[j] = dy[j] - exp_(y[j]) * total


@njit
def sparsemax(w, y0, z0, n, m):
    """y = max(z - tau, 0), by the rounds of ``fastnn.activations.Sparsemax``."""
    zero, one = w.dtype.type(0), w.dtype.type(1)
    for r in range(n):
        subtract_largest(w, y0 + r * m, z0 + r * m, m)
        y, tau, before = w[y0 + r * m : y0 + r * m + m], -one, -1
        while True:
            total, count = zero, 0
            for j in range(m):
                if y[j] > tau:
                    total += y[j]
                    count += 1
            if count == before:
                break
            before = count
            if count:
                tau = maximum_((total - one) / w.dtype.type(count), tau)
        for j in range(m):
            y[j] = maximum_(y[j] - tau, zero)


@njit
def sparsemax_gradient(w, dz0, dy0, y0, n, m):
    """dz = dy - the mean of dy over the support, 0 outside it."""
    zero = w.dtype.type(0)
    for r in range(n):
        dy, y = w[dy0 + r * m : dy0 + r * m + m], w[y0 + r * m : y0 + r * m + m]
        dz, total, count = w[dz0 + r * m : dz0 + r * m + m], zero, 0
        for j in range(m):
            if y[j] > zero:
                total += dy[j]
                count += 1
        mean = total / w.dtype.type(max(count, 1))
        for j in range(m):
            dz[j] = dy[j] - mean if y[j] > zero else zero


@njit
def glu(w, y0, z0, n, m):
    """y = a sigmoid(b) of rows (a, b) of 2m numbers."""
    one = w.dtype.type(1)
    for r in range(n):
        a, b = w[z0 + 2 * r * m :][:m], w[z0 + 2 * r * m + m :][:m]
        y = w[y0 + r * m :][:m]
        for j in range(m):
            y[j] = a[j] / (one + exp_(-b[j]))


@njit
def glu_gradient(w, dz0, dy0, z0, n, m):
    """(da, db) = dy (s, a s (1 - s)) with s = sigmoid(b)."""
    one = w.dtype.type(1)
    for r in range(n):
        a, b = w[z0 + 2 * r * m :][:m], w[z0 + 2 * r * m + m :][:m]
        da, db = w[dz0 + 2 * r * m :][:m], w[dz0 + 2 * r * m + m :][:m]
        dy = w[dy0 + r * m :][:m]
        for j in range(m):
            s = one / (one + exp_(-b[j]))
            da[j] = dy[j] * s
            db[j] = dy[j] * (a[j] * s * (one - s))


@njit
def prelu(w, out0, x0, z0, alphas, alpha0, n, k, m, size):
    """out = x where z > 0, else alpha x; column j has the alpha (j // size) % m."""
    zero = w.dtype.type(0)
    for r in range(n):
        x, z, out = w[x0 + r * k :][:k], w[z0 + r * k :][:k], w[out0 + r * k :][:k]
        for j in range(k):
            out[j] = x[j] if z[j] > zero else alphas[alpha0 + j // size % m] * x[j]


@njit
def prelu_gradient(grads, alpha0, w, dy0, z0, n, k, m, size):
    """grads = the sums of dy z where z <= 0, in the order of the rows."""
    for a in range(m):
        grads[alpha0 + a] = 0
    zero = w.dtype.type(0)
    for r in range(n):
        dy, z = w[dy0 + r * k :][:k], w[z0 + r * k :][:k]
        for j in range(k):
            if not z[j] > zero:
                grads[alpha0 + j // size % m] += dy[j] * z[j]
