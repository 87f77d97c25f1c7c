"""The ops of single layers in NumPy: normalizations of rows, noise, lookups, places.

As in ``numpy_backend``, whose two tables take them up: a function of (run, op) each way.
"""

from __future__ import annotations

import numpy as np

from fastnn import random
from fastnn.plan import AFFINES, ENCODINGS, NOISES, ROW_NORMS, Kind

UNIT_MOST = 1e12  # the largest factor of a unit normalization, Keras's 1 / epsilon: 0 stays 0


# normalizations of rows


def groups(op, x):
    """x (n, k) as (n, outer, positions, groups, width): a group's numbers lie in axes 2 and 4."""
    n, k, m, s = len(x), op["k"], op["m"], op["s"]
    return x.reshape(n, 1, k // m, s, m // s) if op["sums"] else x.reshape(n, k // m, 1, s, m // s)


def _mean(x):
    return x.mean(axis=(2, 4), keepdims=True)


def forward_row_norm(run, op, X):
    """xhat = (x - mean) / sqrt(variance + a0), and its kin; see ROW_NORMS."""
    k, m, kind = op["k"], op["m"], ROW_NORMS[op["formula"]]
    x = groups(op, run.columns(op["src"], k))
    epsilon = x.dtype.type(op["a0"])
    centred = x - _mean(x) if kind in ("layer", "scaled") else x
    if kind == "unit":
        scale = np.minimum(1 / np.sqrt((x * x).sum(axis=(2, 4), keepdims=True)),
                           x.dtype.type(UNIT_MOST))
    else:
        scale = 1 / np.sqrt(_mean(centred * centred) + epsilon)
    xhat = ((x if kind == "scaled" else centred) * scale).reshape(len(x), k)
    run.columns(op["keep"], scale[0].size)[:] = scale.reshape(len(x), -1)
    run.columns(op["aux"], k)[:] = xhat
    y = xhat.reshape(len(x), -1, m)
    y = y * run.params[op["w"] : op["w"] + m] if op["w"] >= 0 else y
    y = y + run.params[op["b"] : op["b"] + m] if op["b"] >= 0 else y
    run.columns(op["dst"], k)[:] = y.reshape(len(x), k)


def backward_row_norm(run, op):
    """dx = scale (dxhat - b - (xhat - h) a): a mean of dxhat xhat, b of dxhat, h of xhat."""
    k, m, kind = op["k"], op["m"], ROW_NORMS[op["formula"]]
    dy, xhat = (run.columns(op[name], k).reshape(-1, k // m, m) for name in ("ddst", "aux"))
    if op["trains"] and op["w"] >= 0:
        run.grads[op["w"] : op["w"] + m] = (dy * xhat).sum(axis=(0, 1))
    if op["trains"] and op["b"] >= 0:
        run.grads[op["b"] : op["b"] + m] = dy.sum(axis=(0, 1))
    if op["dsrc"] < 0:
        return
    dy = dy * run.params[op["w"] : op["w"] + m] if op["w"] >= 0 else dy
    d, h = groups(op, dy.reshape(-1, k)), groups(op, xhat.reshape(-1, k))
    scale = run.columns(op["keep"], d.shape[1] * d.shape[3]).reshape(len(d), -1, 1, d.shape[3], 1)
    if kind == "unit":  # where the factor is at its limit it does not change with x
        a = np.where(scale < d.dtype.type(UNIT_MOST), (d * h).sum(axis=(2, 4), keepdims=True), 0)
    else:
        a = _mean(d * h)
    if kind == "layer":
        d = d - _mean(d)
    if kind == "scaled":
        h = h - _mean(h)
    run.columns(op["dsrc"], k)[:] = (scale * (d - h * a)).reshape(-1, k)


# noise


def forward_noise(run, op, X):
    kind, k = NOISES[op["formula"]], op["k"]
    x, y, factor = (run.columns(op[name], k) for name in ("src", "dst", "aux"))
    if not run.training:
        y[:] = x
        return
    numbers = [x.dtype.type(op[f"a{i}"]) for i in range(4)]
    if kind == "alpha_dropout":
        stays = (random.dropout_halves(int(op["s"]), run.step, *x.shape)
                 >= random.dropout_threshold(op["a0"]))
        factor[:] = np.where(stays, numbers[1], 0)
        y[:] = np.where(stays, x * numbers[1] + numbers[2], numbers[3])
        return
    z = random.noise(int(op["s"]), run.step, *x.shape).astype(x.dtype) * numbers[0]
    factor[:] = 1 if kind == "gaussian_noise" else 1 + z
    y[:] = x + z if kind == "gaussian_noise" else x * factor


def backward_noise(run, op):
    k = op["k"]
    run.columns(op["dsrc"], k)[:] = run.columns(op["ddst"], k) * run.columns(op["aux"], k)


# fixed maps of a channel


def affine(run, op):
    """centre, factor and shift (m,) of y = (x - centre) * factor + shift."""
    m, kind = op["m"], AFFINES[op["formula"]]
    if kind == "constants":
        numbers = run.plan.constants[op["s"] : op["s"] + 3 * m]
        return numbers.astype(run.work.dtype).reshape(3, m)
    mean, variance = (run.params[op[name] : op[name] + m] for name in ("w", "b"))
    # a constant column is divided by a small number instead of 0, as in Keras
    deviation = np.maximum(np.sqrt(variance), mean.dtype.type(op["a0"]))
    nothing = np.zeros_like(mean)
    if kind == "normalize":
        return mean, 1 / deviation, nothing
    return nothing, deviation, mean


def forward_affine(run, op, X):
    centre, factor, shift = affine(run, op)
    x = run.columns(op["src"], op["k"]).reshape(len(run.work), -1, op["m"])
    run.columns(op["dst"], op["k"])[:] = (
        (x - centre) * factor + shift).reshape(len(run.work), op["k"])


def backward_affine(run, op):
    _, factor, _ = affine(run, op)
    dy = run.columns(op["ddst"], op["k"]).reshape(len(run.work), -1, op["m"])
    run.columns(op["dsrc"], op["k"])[:] = (dy * factor).reshape(len(run.work), op["k"])


# lookups: whole numbers are read from floats, their fractions cut off


def whole(x, limit):
    """The numbers as int64, and which of them are whole numbers from 0 below the limit."""
    valid = (x > -1) & (x < limit)  # a NaN is not
    return np.where(valid, x, 0).astype(np.int64), valid


def forward_embedding(run, op, X):
    """A number outside of 0 .. s - 1 has NaN for its row."""
    index, valid = whole(run.columns(op["src"], op["k"]), op["s"])
    table = run.params[op["w"] : op["w"] + op["s"] * op["m"]].reshape(op["s"], op["m"])
    rows = np.where(valid[..., None], table[index], np.nan)
    run.columns(op["dst"], op["k"] * op["m"])[:] = rows.reshape(len(index), -1)


def backward_embedding(run, op):
    k, m, s = op["k"], op["m"], op["s"]
    if op["trains"]:
        index, valid = whole(run.columns(op["src"], k), s)
        dy = run.columns(op["ddst"], k * m).reshape(len(index), k, m)
        table = run.grads[op["w"] : op["w"] + s * m].reshape(s, m)
        table[:] = 0
        np.add.at(table, index[valid], dy[valid])  # one after the other, in the order of the rows
    _no_slope(run, op)


def _no_slope(run, op):
    """A step function's gradient."""
    if op["dsrc"] >= 0:
        run.columns(op["dsrc"], op["k"])[:] = 0


def forward_encode(run, op, X):
    """A number that stands for no class has zeros only."""
    kind, k, m = ENCODINGS[op["formula"]], op["k"], op["m"]
    x = run.columns(op["src"], k)
    if kind == "bins":
        bounds = run.plan.constants[op["s"] : op["s"] + m].astype(x.dtype)
        run.columns(op["dst"], k)[:] = (bounds <= x[..., None]).sum(axis=-1)
        return
    index, valid = whole(x, m)
    ones = ((index[..., None] == np.arange(m)) & valid[..., None]).astype(x.dtype)
    if kind == "one_hot":
        run.columns(op["dst"], k * m)[:] = ones.reshape(len(x), -1)
    else:
        run.columns(op["dst"], m)[:] = ones.max(axis=1) if kind == "multi_hot" else ones.sum(axis=1)


def backward_encode(run, op):
    _no_slope(run, op)


# places


def _table(run, op):
    return run.plan.constants[op["s"] : op["s"] + op["m"]].astype(np.int64)


def forward_gather(run, op, X):
    table = _table(run, op)
    x = run.columns(op["src"], op["k"])
    run.columns(op["dst"], op["m"])[:] = np.where(table >= 0, x[:, table], 0)


def backward_gather(run, op):
    table = _table(run, op)
    dx, dy = run.columns(op["dsrc"], op["k"]), run.columns(op["ddst"], op["m"])
    dx[:] = 0
    for j in np.flatnonzero(table >= 0):
        dx[:, table[j]] += dy[:, j]


_KINDS = [Kind.ROW_NORM, Kind.NOISE, Kind.AFFINE, Kind.EMBEDDING, Kind.ENCODE, Kind.GATHER]
FORWARD = {kind: globals()[f"forward_{kind.name.lower()}"] for kind in _KINDS}
BACKWARD = {kind: globals()[f"backward_{kind.name.lower()}"] for kind in _KINDS}
