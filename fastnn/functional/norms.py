"""Batch and layer normalization with their gradients, and dropout, on plain arrays."""

from __future__ import annotations

import numpy as np

from fastnn import random
from fastnn.backends import numpy_backend, numpy_layers
from fastnn.functional import _arguments
from fastnn.functional._arguments import (
    Sheet,
    deliver,
    kernel,
    need,
    number,
    reals,
    target,
    triple,
    whole,
)
from fastnn.plan import ROW_NORMS


def _check(X, **rows) -> None:
    need(X.ndim == 2 and X.size > 0, "X", "have two axes, rows and columns, and numbers", X)
    m = X.shape[1]
    for name, row in rows.items():
        need(row is None or row.shape in ((m,), (1, m)), name,
             f"have the shape ({m},) of X's columns", row)


@kernel
def batch_norm_forward(X, gamma=None, beta=None, running_mean=None, running_var=None, training=True,
                       momentum=0.99, epsilon=1e-3, out=None):
    """Y = gamma (X - mean) / sqrt(variance + epsilon) + beta, column by column.

    X : (n, m). gamma, beta : (m,) or None. running_mean, running_var : (m,), changed in place:
        momentum running + (1 - momentum) of the batch's, as in Keras. training : False uses them
        in place of the batch's own. out : (n, m) to write Y to.
    Returns (Y, cache), the cache being what `batch_norm_backward` takes.
    Ioffe & Szegedy 2015, algorithm 1.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> Y, cache = F.batch_norm_forward(np.array([[1.0], [3.0]]), epsilon=0.0)
    >>> Y
    array([[-1.],
           [ 1.]])
    """
    running = running_mean, running_var
    need(training or all(row is not None for row in running), "running_mean",
         "be given with running_var where training is False", "None")
    need((running_mean is None) == (running_var is None), "running_mean",
         "be given together with running_var", "one of them")
    X, gamma, beta, mean, variance = reals(
        ("gamma", "beta", "running_mean", "running_var"), X=X, gamma=gamma, beta=beta,
        running_mean=running_mean, running_var=running_var)
    _check(X, gamma=gamma, beta=beta, running_mean=mean, running_var=variance)
    momentum, epsilon = number("momentum", momentum, 0.0), number("epsilon", epsilon, 0.0)
    need(momentum <= 1, "momentum", "be at most 1", momentum)
    for name, row in zip(("running_mean", "running_var"), running, strict=True):
        if training and row is not None:
            _arguments.in_place(name, row)
    if mean is not None:  # what is copied back when all is done
        mean, variance = mean.reshape(-1).copy(), variance.reshape(-1).copy()
    Y = target("out", out, X.shape, X.dtype, X, gamma, beta)
    if _arguments.core is not None:
        _, cache = _arguments.core.array_batch_norm_forward(
            X, gamma, beta, mean, variance, bool(training), momentum, epsilon, Y)
    else:
        cache = _normalize(X, gamma, beta, mean, variance, bool(training), momentum, epsilon, Y)
    for row, result in zip(running, (mean, variance), strict=True):
        if training and row is not None:
            row[...] = result.reshape(row.shape)
    return deliver(Y, out), cache


def _batch_op(m, momentum=0.0, epsilon=0.0, training=True):
    return {"k": m, "m": m, "src": 0, "dst": m, "aux": 2 * m, "keep": 3 * m, "ddst": 4 * m,
            "dsrc": 5 * m, "w": 0, "b": m, "s": 2 * m, "trains": 1, "frozen": int(not training),
            "a0": momentum, "a1": epsilon}


def _normalize(X, gamma, beta, mean, variance, training, momentum, epsilon, Y):
    n, m = X.shape
    rows = [np.ones(m) if gamma is None else gamma.reshape(-1),
            np.zeros(m) if beta is None else beta.reshape(-1),
            np.zeros(m) if mean is None else mean, np.zeros(m) if variance is None else variance]
    sheet = Sheet(n, 6 * m, X.dtype, [row.astype(X.dtype) for row in rows], training)
    sheet.columns(0, m)[:] = X
    with np.errstate(all="ignore"):
        numpy_backend.forward_batch_norm(sheet, _batch_op(m, momentum, epsilon), None)
    Y[...] = sheet.columns(m, m)
    if mean is not None:
        mean[:], variance[:] = sheet.params[2 * m :].reshape(2, m)
    return sheet.columns(2 * m, m).copy(), sheet.work[0, 3 * m : 4 * m].copy(), gamma, training


def _gradients(dY, cache, out, name, rows):
    """The checked arguments of a normalization's backward."""
    if not isinstance(cache, tuple) or len(cache) != 4:
        raise TypeError(f"cache must be what {name} returned beside Y, received "
                        f"{type(cache).__name__}.")
    xhat, scale, gamma, training = cache
    dY, xhat, scale, gamma = reals(("gamma",), dY=dY, xhat=xhat, scale=scale, gamma=gamma)
    need(dY.shape == xhat.shape and scale.shape == (dY.shape[rows],), "dY",
         f"have the shape {xhat.shape} of {name}'s Y", dY)
    wanted, m = triple("(dX, dgamma, dbeta)", out), dY.shape[1]
    read = (dY, xhat, scale, gamma)
    to = tuple(target(f"out[{i}]", array, shape, dY.dtype, *read, *wanted[:i], *wanted[i + 1:])
               for i, (array, shape) in enumerate(
                   zip(wanted, (dY.shape, (m,), (m,)), strict=True)))
    return dY, (xhat, scale, gamma, training), wanted, to


@kernel
def batch_norm_backward(dY, cache, out=None):
    """(dX, dgamma, dbeta) of `batch_norm_forward`, from dY (n, m) and its cache.

    out : (dX, dgamma, dbeta) to write to. Ioffe & Szegedy 2015, the chain rule after algorithm 1.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> Y, cache = F.batch_norm_forward(np.array([[1.0], [3.0]]), epsilon=0.0)
    >>> F.batch_norm_backward(np.array([[1.0], [0.0]]), cache)
    (array([[0.],
           [0.]]), array([-1.]), array([1.]))
    """
    dY, cache, wanted, to = _gradients(dY, cache, out, "batch_norm_forward", 1)
    if _arguments.core is not None:
        _arguments.core.array_batch_norm_backward(dY, cache, to)
    else:
        _denormalize(dY, cache, to)
    return tuple(deliver(array, result) for array, result in zip(to, wanted, strict=True))


def _denormalize(dY, cache, to):
    (n, m), (xhat, scale, gamma, training) = dY.shape, cache
    ones = np.ones(m, dY.dtype) if gamma is None else gamma.reshape(-1)
    sheet = Sheet(n, 6 * m, dY.dtype, [ones, np.zeros(3 * m, dY.dtype)])
    for column, value in ((2, xhat), (4, dY)):
        sheet.columns(column * m, m)[:] = value
    sheet.work[0, 3 * m : 4 * m] = scale
    with np.errstate(all="ignore"):
        numpy_backend.backward_batch_norm(sheet, _batch_op(m, training=training))
    to[0][...] = sheet.columns(5 * m, m)
    to[1][...], to[2][...] = sheet.grads[: 2 * m].reshape(2, m)


def _row_op(m, epsilon=0.0):
    return {"k": m, "m": m, "src": 0, "dst": m, "aux": 2 * m, "keep": 3 * m, "ddst": 3 * m + 1,
            "dsrc": 4 * m + 1, "w": 0, "b": m, "s": 1, "trains": 1, "sums": 0, "a0": epsilon,
            "formula": ROW_NORMS.index("layer")}


@kernel
def layer_norm_forward(X, gamma=None, beta=None, epsilon=1e-3, out=None):
    """Y = gamma (X - mean) / sqrt(variance + epsilon) + beta, row by row.

    X : (n, m). gamma, beta : (m,) or None. out : (n, m) to write Y to. Returns (Y, cache), the
    cache being what `layer_norm_backward` takes. Ba, Kiros & Hinton 2016, equation 3.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.layer_norm_forward(np.array([[1.0, 3.0]]), epsilon=0.0)[0]
    array([[-1.,  1.]])
    """
    X, gamma, beta = reals(("gamma", "beta"), X=X, gamma=gamma, beta=beta)
    _check(X, gamma=gamma, beta=beta)
    epsilon = number("epsilon", epsilon, 0.0)
    Y = target("out", out, X.shape, X.dtype, X, gamma, beta)
    if _arguments.core is not None:
        _, cache = _arguments.core.array_layer_norm_forward(X, gamma, beta, epsilon, Y)
        return deliver(Y, out), cache
    n, m = X.shape
    rows = [np.ones(m, X.dtype) if gamma is None else gamma.reshape(-1),
            np.zeros(m, X.dtype) if beta is None else beta.reshape(-1)]
    sheet = Sheet(n, 5 * m + 1, X.dtype, rows)
    sheet.columns(0, m)[:] = X
    with np.errstate(all="ignore"):
        numpy_layers.forward_row_norm(sheet, _row_op(m, epsilon), None)
    Y[...] = sheet.columns(m, m)
    cache = sheet.columns(2 * m, m).copy(), sheet.work[:, 3 * m].copy(), gamma, None
    return deliver(Y, out), cache


@kernel
def layer_norm_backward(dY, cache, out=None):
    """(dX, dgamma, dbeta) of `layer_norm_forward`, from dY (n, m) and its cache.

    out : (dX, dgamma, dbeta) to write to.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> Y, cache = F.layer_norm_forward(np.array([[1.0, 3.0]]), epsilon=0.0)
    >>> F.layer_norm_backward(np.array([[1.0, 0.0]]), cache)
    (array([[0., 0.]]), array([-1.,  0.]), array([1., 0.]))
    """
    dY, cache, wanted, to = _gradients(dY, cache, out, "layer_norm_forward", 0)
    if _arguments.core is not None:
        _arguments.core.array_layer_norm_backward(dY, cache, to)
    else:
        (n, m), (xhat, scale, gamma, _) = dY.shape, cache
        ones = np.ones(m, dY.dtype) if gamma is None else gamma.reshape(-1)
        sheet = Sheet(n, 5 * m + 1, dY.dtype, [ones, np.zeros(m, dY.dtype)])
        sheet.columns(2 * m, m)[:], sheet.columns(3 * m + 1, m)[:] = xhat, dY
        sheet.work[:, 3 * m] = scale
        with np.errstate(all="ignore"):
            numpy_layers.backward_row_norm(sheet, _row_op(m))
        to[0][...] = sheet.columns(4 * m + 1, m)
        to[1][...], to[2][...] = sheet.grads.reshape(2, m)
    return tuple(deliver(array, result) for array, result in zip(to, wanted, strict=True))


@kernel
def dropout(X, rate, seed, step=0, out=None):
    """(Y, mask): Y = X mask, where mask is 0 with probability ``rate``, else 1 / (1 - rate).

    X : (n, m). rate : from 0 to below 1. seed, step : integers that decide every bit of the mask;
        count steps up while training, for another mask each time. out : (Y, mask) to write to.
    The gradient is `dropout_backward`. Srivastava et al. 2014; the numbers are Philox's, as in the
    layer Dropout.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> Y, mask = F.dropout(np.ones((2, 4)), 0.5, seed=7)
    >>> set(Y.ravel().tolist()) <= {0.0, 2.0}
    True
    """
    (X,) = reals(X=X)
    need(X.ndim == 2, "X", "have two axes, rows and columns", X)
    rate = number("rate", rate, 0.0, 1.0)
    seed, step = whole("seed", seed, 0), whole("step", step, 0)
    for name, value in (("seed", seed), ("step", step)):
        need(value < 1 << 63, name, "be below 2^63", value)
    if out is not None and (not isinstance(out, (tuple, list)) or len(out) != 2):
        raise TypeError(f"out must be a tuple (Y, mask), received {type(out).__name__}.")
    wanted = (None, None) if out is None else tuple(out)
    Y = target("out[0]", wanted[0], X.shape, X.dtype, X, wanted[1])
    mask = target("out[1]", wanted[1], X.shape, X.dtype, X, wanted[0])
    if _arguments.core is not None:
        _arguments.core.array_dropout(X, rate, seed, step, (Y, mask))
    else:
        stays = random.dropout_halves(seed, step, *X.shape) >= random.dropout_threshold(rate)
        mask[...] = np.where(stays, 1 / (1 - rate), 0)
        np.multiply(X, mask, out=Y)
    return deliver(Y, wanted[0]), deliver(mask, wanted[1])


def dropout_backward(dY, mask, out=None):
    """dX = dY mask, with the mask that `dropout` returned; out may be dY.

    >>> import numpy as np
    >>> from fastnn import functional as F
    >>> F.dropout_backward(np.array([[1.0, 1.0]]), np.array([[0.0, 2.0]]))
    array([[0., 2.]])
    """
    need(np.shape(dY) == np.shape(mask), "mask", f"have the shape of dY, {np.shape(dY)}",
         np.asarray(mask))
    return np.multiply(dY, mask, out=out)
