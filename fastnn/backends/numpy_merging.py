"""The ops MERGE and DOT in NumPy: the specification, as all of ``numpy_backend``."""

from __future__ import annotations

import numpy as np

from fastnn.plan import MERGES, Kind

MOST = 1e7  # Keras's bound on 1 / |x| (its epsilon is 1e-7): a row of zeros stays one


def _sources(run, op):
    return run.columns(op["src"], op["k"]), run.columns(op["src2"], op["k"])


def forward_merge(run, op, X):
    one, two = _sources(run, op)
    y, name = run.columns(op["dst"], op["k"]), MERGES[op["formula"]]
    if name == "combine":
        y[:] = y.dtype.type(op["a0"]) * one + y.dtype.type(op["a1"]) * two
    else:
        y[:] = (np.maximum if name == "maximum" else np.minimum)(one, two)


def backward_merge(run, op):
    """Of two equal numbers each gets half of the gradient."""
    one, two = _sources(run, op)
    dy, name = run.columns(op["ddst"], op["k"]), MERGES[op["formula"]]
    if name == "combine":
        shares = dy.dtype.type(op["a0"]), dy.dtype.type(op["a1"])
    else:
        first, second = (one > two, one < two) if name == "maximum" else (one < two, one > two)
        half = np.where(one == two, dy.dtype.type(0.5), dy.dtype.type(0))
        shares = first + half, second + half
    for source, share in zip((op["dsrc"], op["dsrc2"]), shares, strict=True):
        if source >= 0:
            run.columns(source, op["k"])[:] = dy * share


def forward_dot(run, op, X):
    one, two = _sources(run, op)
    dots = (one * two).sum(axis=1)
    if op["a0"]:
        inverse = run.columns(op["keep"], 2)
        for side, x in enumerate((one, two)):
            inverse[:, side] = np.minimum(1 / np.sqrt((x * x).sum(axis=1)), x.dtype.type(MOST))
        dots = dots * inverse[:, 0] * inverse[:, 1]
    run.columns(op["dst"], 1)[:, 0] = dots


def backward_dot(run, op):
    """dx = y dc; of rows divided by their norms, dx = (y / |y| - c x / |x|) / |x| dc."""
    one, two = _sources(run, op)
    dc, c = run.columns(op["ddst"], 1), run.columns(op["dst"], 1)
    inverse = run.columns(op["keep"], 2)
    for side, (source, x, y) in enumerate(((op["dsrc"], one, two), (op["dsrc2"], two, one))):
        if source < 0:
            continue
        dx = y * dc
        if op["a0"]:
            own, other = inverse[:, side : side + 1], inverse[:, 1 - side : 2 - side]
            slope = np.where(own < x.dtype.type(MOST), own, 0)  # where the bound holds it is fixed
            dx = (y * other - c * x * slope) * own * dc
        run.columns(source, op["k"])[:] = dx


FORWARD = {Kind.MERGE: forward_merge, Kind.DOT: forward_dot}
BACKWARD = {Kind.MERGE: backward_merge, Kind.DOT: backward_dot}
