"""The Numba backend's kernels: loops over rows and columns of flat arrays.

A matrix is row-major and named by its array and the index of its first element, ``x, x0``. Outputs
are overwritten, inputs untouched, nothing is allocated. Every output element is one sum whose order
depends on the sizes alone, so that neither the rows beside it nor the number of threads can change
it. The inner loops count from 0 over slices: those LLVM vectorises.
"""

from __future__ import annotations

import numba
import numpy as np

from fastnn.backends.numba_formulas import update
from fastnn.backends.numba_math import INNER, exp_, maximum_, minimum_, njit, sqrt_

# A product and the sum it goes into may become one fused operation; nothing else is relaxed.
fused = numba.njit(**INNER, fastmath={"contract"})
# A sum may also be made in several lanes; how depends on its length alone.
lanes = numba.njit(**INNER, fastmath={"contract", "reassoc"})

# Loops over numba.prange are shared among threads.
parallel = numba.njit(**INNER, parallel=True)

BLOCK = 16384  # elements of an output that are worked on at once: they stay in the cache


@fused
def multiply(out, out0, a, a0, down, right, b, b0, width, rows, depth, m):
    """out[r, :m] = sum_i a[r, i] b[i, :m], i ascending.

    a[r, i] is ``a[a0 + r * down + i * right]``; the rows of b are ``width`` apart.
    """
    zero = out.dtype.type(0)
    step = max(1, BLOCK // m)
    for lo in range(0, rows, step):
        hi = min(rows, lo + step)
        y = out[out0 + lo * m : out0 + hi * m]
        for j in range(y.size):
            y[j] = zero
        for i in range(0, depth - 7, 8):
            _add_eight(out, out0, a, a0 + i * right, down, right, b, b0 + i * width, width,
                       lo, hi, m)
        for i in range(depth - depth % 8, depth):
            w = b[b0 + i * width : b0 + i * width + m]
            for r in range(lo, hi):
                x, y = a[a0 + r * down + i * right], out[out0 + r * m : out0 + r * m + m]
                for j in range(m):
                    y[j] += x * w[j]


@fused
def _add_eight(out, out0, a, a0, down, right, b, b0, width, lo, hi, m):
    w0, w1 = b[b0 : b0 + m], b[b0 + width : b0 + width + m]
    w2, w3 = b[b0 + 2 * width : b0 + 2 * width + m], b[b0 + 3 * width : b0 + 3 * width + m]
    w4, w5 = b[b0 + 4 * width : b0 + 4 * width + m], b[b0 + 5 * width : b0 + 5 * width + m]
    w6, w7 = b[b0 + 6 * width : b0 + 6 * width + m], b[b0 + 7 * width : b0 + 7 * width + m]
    for r in range(lo, hi):
        q = a0 + r * down
        x0, x1, x2, x3 = a[q], a[q + right], a[q + 2 * right], a[q + 3 * right]
        q += 4 * right
        x4, x5, x6, x7 = a[q], a[q + right], a[q + 2 * right], a[q + 3 * right]
        y = out[out0 + r * m : out0 + r * m + m]
        for j in range(m):
            y[j] = (y[j] + x0 * w0[j] + x1 * w1[j] + x2 * w2[j] + x3 * w3[j]
                    + x4 * w4[j] + x5 * w5[j] + x6 * w6[j] + x7 * w7[j])


@lanes
def multiply_transposed(out, out0, a, a0, b, b0, rows, depth, m):
    """out[r, i] = sum_j a[r, j] b[i, j], i < m and j < depth."""
    for i in range(0, m - 3, 4):
        q = b0 + i * depth
        w0, w1 = b[q : q + depth], b[q + depth : q + 2 * depth]
        w2, w3 = b[q + 2 * depth : q + 3 * depth], b[q + 3 * depth : q + 4 * depth]
        for r in range(rows):
            x = a[a0 + r * depth : a0 + r * depth + depth]
            s0 = s1 = s2 = s3 = x.dtype.type(0)
            for j in range(depth):
                s0 += x[j] * w0[j]
                s1 += x[j] * w1[j]
                s2 += x[j] * w2[j]
                s3 += x[j] * w3[j]
            q = out0 + r * m + i
            out[q], out[q + 1], out[q + 2], out[q + 3] = s0, s1, s2, s3
    for i in range(m - m % 4, m):
        w = b[b0 + i * depth : b0 + i * depth + depth]
        for r in range(rows):
            x = a[a0 + r * depth : a0 + r * depth + depth]
            s = x.dtype.type(0)
            for j in range(depth):
                s += x[j] * w[j]
            out[out0 + r * m + i] = s


# The same products by several threads, each with its own rows of the output.


@parallel
def multiply_in_threads(threads, out, out0, a, a0, down, right, b, b0, width, rows, depth, m):
    """``multiply`` by ``threads`` threads."""
    for t in numba.prange(threads):
        lo, hi = rows * t // threads, rows * (t + 1) // threads
        multiply(out, out0 + lo * m, a, a0 + lo * down, down, right, b, b0, width, hi - lo,
                 depth, m)


@parallel
def multiply_transposed_in_threads(threads, out, out0, a, a0, b, b0, rows, depth, m):
    """``multiply_transposed`` by ``threads`` threads."""
    for t in numba.prange(threads):
        lo, hi = rows * t // threads, rows * (t + 1) // threads
        multiply_transposed(out, out0 + lo * m, a, a0 + lo * depth, b, b0, hi - lo, depth, m)


@parallel
def update_in_threads(threads, code, p, g, slots, first, numbers, size):
    """``numba_formulas.update`` by ``threads`` threads, each with its own parameters."""
    for t in numba.prange(threads):
        lo, hi = first + size * t // threads, first + size * (t + 1) // threads
        update(code, p, lo, g, lo, slots, lo, numbers, hi - lo)


# elements


@njit
def copy(out, out0, x, x0, size):
    """out = x."""
    out, x = out[out0 : out0 + size], x[x0 : x0 + size]
    for j in range(size):
        out[j] = x[j]


@njit
def add(out, out0, x, x0, y, y0, size):
    """out = x + y."""
    out, x, y = out[out0 : out0 + size], x[x0 : x0 + size], y[y0 : y0 + size]
    for j in range(size):
        out[j] = x[j] + y[j]


@njit
def times(out, out0, x, x0, y, y0, size):
    """out = x * y."""
    out, x, y = out[out0 : out0 + size], x[x0 : x0 + size], y[y0 : y0 + size]
    for j in range(size):
        out[j] = x[j] * y[j]


@njit
def scale(x, x0, size, factor):
    """x *= factor."""
    x = x[x0 : x0 + size]
    for j in range(size):
        x[j] *= factor


@njit
def fill(x, x0, size, value):
    """x = value."""
    x = x[x0 : x0 + size]
    for j in range(size):
        x[j] = value


@njit
def subtract(out, out0, x, x0, size, factor):
    """out -= factor x."""
    out, x = out[out0 : out0 + size], x[x0 : x0 + size]
    for j in range(size):
        out[j] -= factor * x[j]


@njit
def clip(x, x0, size, limit):
    """x into [-limit, limit]."""
    x = x[x0 : x0 + size]
    for j in range(size):
        x[j] = minimum_(maximum_(x[j], -limit), limit)


@njit
def add_penalty_gradient(g, g0, p, p0, size, l1, l2):
    """g += l1 sign(p) + 2 l2 p."""
    g, p = g[g0 : g0 + size], p[p0 : p0 + size]
    two = p.dtype.type(2)
    for j in range(size):
        g[j] += l1 * np.sign(p[j]) + two * l2 * p[j]


@lanes
def sum_squares(x, x0, size):
    """The sum of x^2, in float64."""
    x = x[x0 : x0 + size]
    total = 0.0
    for j in range(size):
        total += np.float64(x[j]) * np.float64(x[j])
    return total


@lanes
def sum_sizes(x, x0, size):
    """The sum of |x|, in float64."""
    x = x[x0 : x0 + size]
    total = 0.0
    for j in range(size):
        total += abs(np.float64(x[j]))
    return total


# rows


@njit
def gather(out, out0, X, column, width, rows, n):
    """out[r] = X[rows[r], column : column + width]."""
    for r in range(n):
        x, y = X[rows[r], column : column + width], out[out0 + r * width : out0 + (r + 1) * width]
        for j in range(width):
            y[j] = x[j]


@njit
def copy_out(Y, y0, x, x0, n, m):
    """Y[r, y0 : y0 + m] = x[r], for a Y of two dimensions."""
    for r in range(n):
        for j in range(m):
            Y[r, y0 + j] = x[x0 + r * m + j]


@njit
def copy_rows(out, out0, out_width, x, x0, x_width, n, m):
    """out[r, :m] = x[r, :m], each with its own distance between rows."""
    for r in range(n):
        y, z = out[out0 + r * out_width :][:m], x[x0 + r * x_width :][:m]
        for j in range(m):
            y[j] = z[j]


@njit
def add_to_rows(x, x0, v, v0, n, m, sign):
    """x[r, :m] += sign * v."""
    v = v[v0 : v0 + m]
    for r in range(n):
        row = x[x0 + r * m : x0 + r * m + m]
        for j in range(m):
            row[j] += sign * v[j]


@njit
def scale_columns(x, x0, v, v0, n, m):
    """x[r, :m] *= v."""
    v = v[v0 : v0 + m]
    for r in range(n):
        row = x[x0 + r * m : x0 + r * m + m]
        for j in range(m):
            row[j] *= v[j]


@njit
def sum_rows(out, out0, x, x0, n, m):
    """out[:m] = the sum of the n rows of x, in their order."""
    out = out[out0 : out0 + m]
    for j in range(m):
        out[j] = 0
    for r in range(n):
        row = x[x0 + r * m : x0 + r * m + m]
        for j in range(m):
            out[j] += row[j]


@njit
def sum_products(out, out0, x, x0, y, y0, n, m):
    """out[:m] = the sum of the n rows of x * y, in their order."""
    out = out[out0 : out0 + m]
    for j in range(m):
        out[j] = 0
    for r in range(n):
        a, b = x[x0 + r * m : x0 + r * m + m], y[y0 + r * m : y0 + r * m + m]
        for j in range(m):
            out[j] += a[j] * b[j]


@njit
def softmax_row(y, y0, z, z0, m):
    """y = exp(z - max z) / its sum; returns max z and the sum."""
    y, z = y[y0 : y0 + m], z[z0 : z0 + m]
    top, total = z[0], y.dtype.type(0)
    for j in range(1, m):
        top = maximum_(z[j], top)
    for j in range(m):
        y[j] = exp_(z[j] - top)
        total += y[j]
    for j in range(m):
        y[j] /= total
    return top, total


@njit
def softmax(y, y0, z, z0, n, m):
    """y = exp(z - max z) / its sum, row by row."""
    for r in range(n):
        softmax_row(y, y0 + r * m, z, z0 + r * m, m)


@njit
def softmax_gradient(dz, dz0, dy, dy0, y, y0, n, m):
    """dz = y (dy - sum_i dy_i y_i), row by row."""
    for r in range(n):
        a, b = dy[dy0 + r * m : dy0 + r * m + m], y[y0 + r * m : y0 + r * m + m]
        out, total = dz[dz0 + r * m : dz0 + r * m + m], y.dtype.type(0)
        for j in range(m):
            total += a[j] * b[j]
        for j in range(m):
            out[j] = b[j] * (a[j] - total)


@njit
def argmax(x, x0, m):
    """The column of the first largest element; of the first NaN, if there is one."""
    best = 0
    for j in range(m):
        if x[x0 + j] != x[x0 + j]:
            return j
        if x[x0 + j] > x[x0 + best]:
            best = j
    return best


# batch normalization


@njit
def blend(moving, moving0, new, new0, m, keep):
    """moving = keep * moving + (1 - keep) * new."""
    moving, new = moving[moving0 : moving0 + m], new[new0 : new0 + m]
    take = moving.dtype.type(1) - keep
    for j in range(m):
        moving[j] = keep * moving[j] + take * new[j]


@njit
def inverse_root(out, out0, variance, variance0, m, epsilon):
    """out = 1 / sqrt(variance + epsilon)."""
    out, variance = out[out0 : out0 + m], variance[variance0 : variance0 + m]
    for j in range(m):
        out[j] = out.dtype.type(1) / sqrt_(variance[j] + epsilon)


@njit
def batch_norm_gradient(dx, dx0, dy, dy0, xhat, xhat0, means, means0, n, m):
    """dx = dy - mean(dy) - xhat mean(dy xhat); means: mean(dy xhat), then mean(dy)."""
    a, b = means[means0 : means0 + m], means[means0 + m : means0 + 2 * m]
    for r in range(n):
        out, d = dx[dx0 + r * m : dx0 + r * m + m], dy[dy0 + r * m : dy0 + r * m + m]
        x = xhat[xhat0 + r * m : xhat0 + r * m + m]
        for j in range(m):
            out[j] = d[j] - b[j] - x[j] * a[j]


# dropout: 32-bit words in 64-bit lanes, as in fastnn.random

_WORD, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_LOW, _QUARTER = np.uint64(0xFFFF), np.uint64(16)
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@njit
def philox(c0, c1, step, seed):
    """The four words of Philox4x32-7 at counter (c0, c1, step low, step high); all uint64."""
    c2, c3 = step & _WORD, step >> _HALF
    k0, k1 = seed & _WORD, seed >> _HALF
    for _ in range(7):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c2 = (p1 >> _HALF) ^ c1 ^ k0, (p0 >> _HALF) ^ c3 ^ k1
        c1, c3 = p1 & _WORD, p0 & _WORD
        k0, k1 = (k0 + _W0) & _WORD, (k1 + _W1) & _WORD
    return c0, c1, c2, c3


@njit
def dropout_mask(mask, mask0, seed, step, threshold, factor, n, k):
    """mask[r, c] = factor where ``random.dropout_halves`` are at least the threshold, else 0.

    seed, step, threshold: uint64.
    """
    zero = mask.dtype.type(0)
    for r in range(n):
        row = mask[mask0 + r * k : mask0 + r * k + k]
        for i in range((k + 7) // 8):
            words = philox(np.uint64(r), np.uint64(i), step, seed)
            for j in range(min(8, k - 8 * i)):
                half = words[j & 3] & _LOW if j < 4 else words[j & 3] >> _QUARTER
                row[8 * i + j] = factor if half >= threshold else zero
