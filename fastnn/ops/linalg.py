"""Products of arrays and linear algebra.

>>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
array([[11.]], dtype=float32)
"""

from __future__ import annotations

import numpy as np

from fastnn.ops.types import convert, floats, together, typed

__all__ = ["cdist", "cholesky", "cross", "det", "dot", "eig", "eigh", "einsum", "inner",
           "inv", "kron", "logdet", "lstsq", "matmul", "matrix_rank", "norm", "outer", "pinv", "qr",
           "slogdet", "solve", "solve_triangular", "svd", "tensordot", "trace", "trapezoid", "vdot"]


def matmul(x1, x2):
    """The matrix product."""
    return np.matmul(*together(x1, x2))


def dot(x1, x2):
    """``numpy.dot``."""
    return np.dot(*together(x1, x2))


def vdot(x1, x2):
    """The sum of the products of all numbers."""
    return np.vdot(*together(x1, x2))


def inner(x1, x2):
    """The products of the last axes."""
    return np.inner(*together(x1, x2))


def outer(x1, x2):
    """Each number times each other."""
    return np.outer(*together(x1, x2))


def kron(x1, x2):
    """Each number of x1 times the whole of x2."""
    return np.kron(*together(x1, x2))


def cross(x1, x2, axisa=-1, axisb=-1, axisc=-1, axis=None):
    """The vector product."""
    return np.cross(*together(x1, x2), axisa, axisb, axisc, axis)


def tensordot(x1, x2, axes=2):
    """The sum of products along some axes of both."""
    return np.tensordot(*together(x1, x2), axes)


def einsum(subscripts: str, *operands):
    """``numpy.einsum``: sums of products by letters.

    >>> einsum("ij,j->i", [[1.0, 2.0]], [3.0, 4.0])
    array([11.], dtype=float32)
    """
    return np.einsum(subscripts, *together(*operands))


def trace(x, offset=0, axis1=0, axis2=1):
    """The sum of a diagonal."""
    x = convert(x)
    return np.trace(x, offset, axis1, axis2, dtype="int32" if x.dtype == bool else x.dtype)


def trapezoid(y, x=None, dx=1.0, axis=-1):
    """The integral of a function with these values, by trapezia."""
    y = floats(y)
    x = None if x is None else floats(x)
    return np.asarray(np.trapezoid(y, x, dx, axis), y.dtype)


def cdist(x, y, p=2.0):
    """The distances (n, m) between n points and m points, in the norm p."""
    x, y = together(floats(x), floats(y))
    return np.linalg.norm(x[..., :, None, :] - y[..., None, :, :], ord=p, axis=-1)


def cholesky(x, upper=False):
    """The lower triangle L with L @ L.T = x; its transpose if ``upper``."""
    found = np.linalg.cholesky(floats(x))
    return np.swapaxes(found, -1, -2) if upper else found


def det(x):
    """The determinant."""
    return np.linalg.det(floats(x))


def slogdet(x):
    """(sign, logarithm of the absolute value) of the determinant."""
    return tuple(np.linalg.slogdet(floats(x)))


def logdet(x):
    """The logarithm of the determinant of a positive definite matrix."""
    return np.linalg.slogdet(floats(x))[1]


def eig(x):
    """(eigenvalues, eigenvectors)."""
    return tuple(np.linalg.eig(floats(x)))


def eigh(x):
    """(eigenvalues, eigenvectors) of a symmetric matrix."""
    return tuple(np.linalg.eigh(floats(x)))


def inv(x):
    """The inverse matrix."""
    return np.linalg.inv(floats(x))


def pinv(x):
    """The pseudo-inverse."""
    return np.linalg.pinv(floats(x))


def matrix_rank(x, tol=None):
    """How many singular values are not (nearly) 0."""
    return np.asarray(np.linalg.matrix_rank(floats(x), tol), "int32")


def solve(a, b):
    """The x with a @ x = b."""
    a, b = together(floats(a), floats(b))
    return np.linalg.solve(a, b[..., None])[..., 0] if b.ndim == a.ndim - 1 else (
        np.linalg.solve(a, b))


def solve_triangular(a, b, lower=False):
    """`solve` with one triangle of a."""
    return solve(np.tril(floats(a)) if lower else np.triu(floats(a)), b)


def lstsq(a, b, rcond=None):
    """The x with the least |a @ x - b|."""
    return np.linalg.lstsq(*together(floats(a), floats(b)), rcond)[0]


def qr(x, mode="reduced"):
    """(Q, R): orthonormal columns and an upper triangle."""
    if mode not in ("reduced", "complete"):
        raise ValueError(f"Expected mode 'reduced' or 'complete'; received {mode!r}.")
    return tuple(np.linalg.qr(floats(x), mode))


def svd(x, full_matrices=True, compute_uv=True):
    """(U, s, V^H), or the singular values alone."""
    found = np.linalg.svd(floats(x), full_matrices, compute_uv)
    return tuple(found) if compute_uv else found


def norm(x, ord=None, axis=None, keepdims=False):
    """``numpy.linalg.norm`` of floats."""
    axis = tuple(axis) if isinstance(axis, list) else axis
    x = floats(x)
    return typed(np.linalg.norm(x, ord, axis, keepdims), x.dtype)
