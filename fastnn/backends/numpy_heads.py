"""Heads and metrics in NumPy: predictions, losses with their gradients, and what is watched.

``run`` is the `numpy_backend.Run` of a batch.
"""

from __future__ import annotations

import numpy as np

from fastnn import activations, losses
from fastnn.plan import LINKS, Kind


def _link(run, op):
    link = LINKS[op["link"]]
    if link:
        z = run.columns(op["src"], op["m"])
        run.columns(op["dst"], op["m"])[:] = activations.get(link).forward(z)


def forward_output(run, op, X):
    _link(run, op)
    if run.training and op["dsrc"] >= 0:  # an output without a loss
        run.columns(op["dsrc"], op["m"])[:] = 0


def forward_element_loss(run, op, X):
    """Row loss a0 * sum_j value(t_j, y_j)."""
    _link(run, op)
    if run.T is None:
        return
    _, value, gradient, hyper = losses.formula(op["formula"])
    y = run.columns(op["src"], op["m"])
    numbers = run.numbers(op, hyper, first=1)
    scale = y.dtype.type(op["a0"])
    _reduce(run, op, value(run.T, y, *numbers).sum(axis=1) * scale,
            lambda: gradient(run.T, y, *numbers) * scale)


def forward_softmax_loss(run, op, X):
    _link(run, op)
    if run.T is not None:
        rows, dz, _ = losses.softmax_loss(_class_targets(run, op), run.columns(op["src"], op["m"]))
        if op["a2"]:
            rows = np.minimum(rows, rows.dtype.type(op["a2"]))
        _reduce(run, op, rows, lambda: dz)


def forward_cross_loss(run, op, X):
    if run.T is not None:
        rows, dy = losses.cross_loss(_class_targets(run, op), run.columns(op["src"], op["m"]))
        _reduce(run, op, rows, lambda: dy)


def _row_head(function):
    """The head of ``function(run, op, y)``, which returns the rows' losses and gradients."""
    def forward(run, op, X):
        _link(run, op)
        if run.T is not None:
            rows, dy = function(run, op, run.columns(op["src"], op["m"]))
            _reduce(run, op, rows, lambda: dy)
    return forward


@_row_head
def forward_cosine_loss(run, op, y):
    return losses.cosine_loss(run.T, y)


@_row_head
def forward_categorical_hinge_loss(run, op, y):
    return losses.categorical_hinge_loss(run.T, y)


@_row_head
def forward_power_loss(run, op, y):
    """a1 smoothing, a2 alpha, a3 gamma; or a2 the power q."""
    t, (a2, a3) = _class_targets(run, op), run.numbers(op, ("a2", "a3"), first=2)
    if op["formula"] < 2:
        return losses.focal_loss(t, y, a2, a3, op["formula"] == 1)
    return losses.generalized_loss(t, y, a2, op["formula"] == 3)


def forward_overlap_loss(run, op, X):
    """The numbers are c, a, b, d. What a whole batch's loss is, only training knows."""
    if run.T is None or (op["formula"] and not run.training):
        return
    y = run.columns(op["src"], op["m"])
    rows, dy = losses.overlap_loss(run.T, y, *run.numbers(op, "cabd"), whole=op["formula"] == 1)
    if not op["formula"]:
        _reduce(run, op, rows, lambda: dy)
        return
    # the one loss times each row's weight; without weights it is the result, also of a sum
    n, weights = len(y), run.weights
    part = 1.0
    if weights is not None:
        total = weights.sum(dtype=np.float64)
        below = losses.divisor(op["sums"], n, weights)
        part = total / below if below else 0.0
    _add_loss(run, op, float(rows) * part * n)
    if op["dsrc"] >= 0:
        run.columns(op["dsrc"], op["m"])[:] = dy * y.dtype.type(part * op["weight"])


def _class_targets(run, op):
    if op["sparse"]:
        return losses.one_hot(run.labels, op["m"], run.work.dtype)
    return losses.smooth(run.T, run.work.dtype.type(op["a1"]))


def _reduce(run, op, rows, gradient):
    """Weighted batch loss into sums[0] (times the rows) and the gradient of the batch's loss."""
    n = len(rows)
    weights = np.ones_like(rows) if run.weights is None else run.weights
    valid = run.labels != op["s"] if op["sparse"] == 2 else None
    if valid is not None:
        rows, weights = np.where(valid, rows, 0), np.where(valid, weights, 0)
    total = float((rows * weights).sum(dtype=np.float64))
    below = losses.divisor(op["sums"], n, run.weights, valid)
    if run.training and below != n:
        total = total * n / below if below else 0.0
    _add_loss(run, op, total)
    if run.training and op["dsrc"] >= 0:
        dy = gradient() if valid is None else np.where(valid[:, None], gradient(), 0)
        factor = weights * weights.dtype.type(op["weight"]) / weights.dtype.type(below or 1)
        run.columns(op["dsrc"], op["m"])[:] = dy * factor[:, None]


def _add_loss(run, op, total):
    run.sums[0] += op["weight"] * total
    if op["own"] > 0:
        run.sums[op["own"]] += total


# metrics


def element_metric(run, op, slots, scalars):
    _, value, _, hyper = losses.formula(op["formula"])
    y = run.columns(op["src"], op["m"])
    rows = value(run.T, y, *run.numbers(op, hyper, first=1)).sum(axis=1) * y.dtype.type(op["a0"])
    run.sums[op["dst"]] += rows.sum(dtype=np.float64)


def binary_accuracy(run, op, slots, scalars):
    y = run.columns(op["src"], op["m"])
    hits = (y > y.dtype.type(op["a0"])) == run.T
    run.sums[op["dst"]] += hits.sum() / op["m"]


def categorical_accuracy(run, op, slots, scalars):
    y = run.columns(op["src"], op["m"])
    run.sums[op["dst"]] += (y.argmax(axis=1) == run.T.argmax(axis=1)).sum()


def sparse_categorical_accuracy(run, op, slots, scalars):
    y = run.columns(op["src"], op["m"])
    run.sums[op["dst"]] += (y.argmax(axis=1) == run.labels).sum()


def top_k_accuracy(run, op, slots, scalars):
    _top_k(run, op, run.T.argmax(axis=1))


def sparse_top_k_accuracy(run, op, slots, scalars):
    _top_k(run, op, run.labels)


def _top_k(run, op, labels):
    y = run.columns(op["src"], op["m"])
    at = np.take_along_axis(y, labels[:, None], axis=1)
    at = np.where(np.isnan(at), -np.inf, at)  # NaN is no large probability
    run.sums[op["dst"]] += ((y > at).sum(axis=1) < op["a0"]).sum()


def confusion(run, op, slots, scalars):
    j = slice(None) if op["a3"] < 0 else int(op["a3"])
    y, t = run.columns(op["src"], op["m"])[:, j], run.T[:, j]
    positive = y > y.dtype.type(op["a0"])
    run.sums[op["dst"]] += ((positive == op["a1"]) & ((t != 0) == op["a2"])).sum()


_HEADS = ("output", "element_loss", "softmax_loss", "cross_loss", "cosine_loss",
          "categorical_hinge_loss", "power_loss", "overlap_loss")
_METRICS = ("element_metric", "binary_accuracy", "categorical_accuracy",
            "sparse_categorical_accuracy", "top_k_accuracy", "sparse_top_k_accuracy", "confusion")
FORWARD = {Kind[name.upper()]: globals()[f"forward_{name}"] for name in _HEADS}
METRICS = {Kind[name.upper()]: globals()[name] for name in _METRICS}
