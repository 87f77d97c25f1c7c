"""Rows of ones for labels, and batches of rows."""

from __future__ import annotations

import numpy as np

from fastnn import backends, random
from fastnn.functional._arguments import FLOATS, deliver, kernel, need, target, whole


@kernel
def one_hot(labels, num_classes, dtype=None, out=None):
    """Y[i, j] = 1 where labels[i] = j, else 0.

    labels : (n,) whole numbers from 0 below num_classes. dtype : float32 (the default) or float64.
    out : (n, num_classes) to write to. Raises ValueError for a label out of range.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.one_hot(np.array([0, 2]), 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    m = whole("num_classes", num_classes, 1)
    given = np.asarray(labels)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"labels must be whole numbers, received an array of {given.dtype}.")
    need(given.ndim == 1 or (given.ndim == 2 and given.shape[1] == 1), "labels",
         "have the shape (n,)", given)
    given = given.reshape(-1)
    rows = given.astype(np.int64)
    wrong = (rows < 0) | (rows >= m) | (rows != given)
    if wrong.any():
        raise ValueError(f"labels must be whole numbers from 0 to {m - 1}, received "
                         f"{given[wrong][0]}. Renumber the classes, or give more num_classes.")
    real = np.dtype(dtype or (FLOATS[0] if out is None else out.dtype))
    if real not in FLOATS:
        raise TypeError(f"dtype must be float32 or float64, received {real}.")
    Y = target("out", out, (len(rows), m), real, rows)
    Y[...] = 0
    Y[np.arange(len(rows)), rows] = 1
    return deliver(Y, out)


def minibatches(X, y=None, batch_size=32, shuffle=True, seed=None, epoch=0, drop_last=False):
    """The rows of X and y in batches: ``for Xb, yb in minibatches(X, y, 64, seed=0, epoch=i)``.

    X, y : arrays with as many rows; y may be None, then batches of X alone come out. shuffle :
        False gives views of neighbouring rows, True copies in an order that (seed, epoch) alone
        decides, the one that ``model.fit`` takes. seed : None draws a fresh one. drop_last :
        leaves out a last batch that is short.
    Raises ValueError where the numbers of rows differ.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> X = np.arange(10.0).reshape(5, 2)
    >>> [len(batch) for batch in F.minibatches(X, batch_size=2)]
    [2, 2, 1]
    """
    size = whole("batch_size", batch_size, 1)
    X = np.asarray(X)
    need(X.ndim > 0, "X", "have rows", X)
    if y is not None:
        y = np.asarray(y)
        need(y.ndim > 0 and len(y) == len(X), "y", f"have as many rows as X, {len(X)}", y)
    order = None
    if shuffle:
        seed = random.next_seed() if seed is None else whole("seed", seed, 0)
        order = backends.get().permutations(seed, whole("epoch", epoch, 0), 1, len(X))[0]
    return _batches(X, y, size, order, drop_last)


def _batches(X, y, size, order, drop_last):
    for first in range(0, len(X) - size + 1 if drop_last else len(X), size):
        rows = slice(first, first + size) if order is None else order[first : first + size]
        yield X[rows] if y is None else (X[rows], y[rows])
