"""A dense layer: the product, the bias and the activation in one pass, and the way back."""

from __future__ import annotations

import numpy as np

from fastnn.functional import _arguments
from fastnn.functional._arguments import deliver, kernel, need, reals, target, triple
from fastnn.functional.activations import activation_backward, activation_forward, find


@kernel
def dense_forward(X, W, b=None, activation=None, out=None):
    """Y = f(X W + b), in the place of ``np.maximum(X @ W + b, 0)`` and its like.

    X : (n, k) rows of inputs. W : (k, m). b : (m,) or (1, m), or None. activation : a name, an
        instance or None. out : (n, m) to write Y to.
    Returns Y (n, m). C-contiguous float32 and float64 are read where they lie; anything else is
    copied first. Raises ValueError for shapes that do not fit, naming the argument.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.dense_forward(np.array([[1.0, 2.0]]), np.array([[1.0], [-1.0]]), np.array([3.0]), "relu")
    array([[2.]])
    """
    it, formula = find(activation)
    X, W, b = reals(("b",), X=X, W=W, b=b)
    _check_product(X, W)
    m = W.shape[1]
    if b is not None:
        need(b.shape in ((m,), (1, m)), "b", f"have the shape ({m},) of W's columns", b)
    shape = (len(X), m) if it.elementwise else it.output_shape((len(X), m))
    if formula is None or it.output_shape((1, m)) != (1, m) or _arguments.core is None:
        return activation_forward(_affine(X, W, b), activation, out)
    Y = target("out", out, shape, X.dtype, X, W, b)
    _arguments.core.array_dense_forward(X, W, b, formula, Y)
    return deliver(Y, out)


def _affine(X, W, b):
    if _arguments.core is not None:
        return _arguments.core.array_dense_forward(X, W, b)
    with np.errstate(all="ignore"):
        return X @ W if b is None else X @ W + b.reshape(-1)


def _check_product(X, W):
    need(X.ndim == 2, "X", "have two axes, rows and inputs", X,
         "A single row is X[None, :], a column of single inputs X[:, None].")
    need(W.ndim == 2, "W", "have two axes, inputs and outputs", W)
    need(len(W) == X.shape[1], "W", f"have a row for each of X's {X.shape[1]} columns", W,
         "Weights kept as (outputs, inputs) are passed as W.T.")


@kernel
def dense_backward(dY, X, W, Y=None, activation=None, Z=None, input_gradient=True, out=None):
    """dX = dZ W^T, dW = X^T dZ, db = the sum of dZ's rows, where dZ = f'(Z) dY.

    dY : (n, m), the gradient in Y = f(X W + b). X : (n, k). W : (k, m). Y, activation : as in
        `dense_forward`; without an activation dY is dZ. Z : X W + b, for activations whose
        derivative needs it (silu, gelu, ...). input_gradient : False leaves dX out (None), as a
        first layer may. out : (dX, dW, db) to write to.
    Returns (dX, dW, db), db of shape (m,). Raises ValueError, naming the argument.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> X, W = np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])
    >>> F.dense_backward(np.array([[1.0]]), X, W)
    (array([[3., 4.]]), array([[1.],
           [2.]]), array([1.]))
    """
    it, formula = find(activation)
    plain = it.elementwise and type(it).__name__ == "Linear"
    dY, X, W, Y, Z = reals(("Y", "Z"), dY=dY, X=X, W=W, Y=Y, Z=Z)
    _check_product(X, W)
    given, (dX, dW, db) = out, triple("(dX, dW, db)", out)
    if not plain:
        need(Y is not None, "Y", f"be given: the slope of {it!r} is read off it", None,
             "Pass what dense_forward returned.")
        if formula is None or it.output_shape(W.shape) != W.shape or _arguments.core is None:
            dY, plain, Y, Z = activation_backward(dY, Y, activation, Z), True, None, None
        elif it.keeps_z():
            need(Z is not None, "Z", f"be given: the slope of {it!r} needs X W + b", None)
            need(Z.shape == dY.shape, "Z", f"have the shape of dY, {dY.shape}", Z)
    need(dY.shape == (len(X), W.shape[1]), "dY", f"have the shape {(len(X), W.shape[1])}", dY)
    need(plain or Y.shape == dY.shape, "Y", f"have the shape of dY, {dY.shape}", Y)
    read = (dY, X, W, Y, Z)
    to = (target("out[0]", dX, X.shape, X.dtype, *read, dW, db) if input_gradient else None,
          target("out[1]", dW, W.shape, X.dtype, *read, dX, db),
          target("out[2]", db, _row_shape(db, W.shape[1]), X.dtype, *read, dX, dW))
    if _arguments.core is None or 0 in (*X.shape, *W.shape):
        _products(dY, X, W, to)
    else:
        _arguments.core.array_dense_backward(dY, X, W, Y, None if plain else formula, Z,
                                             bool(input_gradient), to)
    results = tuple(None if array is None else deliver(array, wanted)
                    for array, wanted in zip(to, (dX, dW, db), strict=True))
    return given if type(given) is tuple and input_gradient else results


def _row_shape(out, m: int) -> tuple:
    return (1, m) if isinstance(out, np.ndarray) and out.shape == (1, m) else (m,)


def _products(dZ, X, W, to):
    dX, dW, db = to
    with np.errstate(all="ignore"):
        if dX is not None:
            dX[...] = dZ @ W.T
        dW[...] = X.T @ dZ
        db[...] = dZ.sum(axis=0)
