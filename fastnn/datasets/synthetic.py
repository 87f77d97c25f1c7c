"""Small made-up data sets: row i depends on the seed and i alone, on every machine.

(To the last bit of the sine and the cosine, which the machine provides.)

``y`` holds the classes 0, 1, ... in turn, so every stretch of rows holds every class in equal
shares, the tail that ``validation_split`` takes included.

>>> from fastnn import datasets
>>> X, y = datasets.moons(400, noise=0.2, seed=1)
>>> X.shape, X.dtype, y[:4]
((400, 2), dtype('float32'), array([0, 1, 0, 1]))
"""

from __future__ import annotations

import math
import operator

import numpy as np

from fastnn import config, random

_CORNERS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # the truth table


def xor(n=4, noise=0.0, seed=0, dtype=None):
    """The four corners of the unit square in turn; y is 1 where the two inputs differ.

    n : rows; 4 is the truth table. noise : standard deviation added to each coordinate.
    dtype : of X; None is `fastnn.config.floatx`. Returns X (n, 2) and y int64 (n,).

    >>> X, y = xor()
    >>> X[1], y
    (array([0., 1.], dtype=float32), array([0, 1, 1, 0]))
    """
    corner = np.arange(_rows(n)) % 4
    y = (_CORNERS[corner, 0] != _CORNERS[corner, 1]).astype(np.int64)
    return _points(_CORNERS[corner], noise, seed, dtype), y


def moons(n=200, noise=0.1, seed=0, dtype=None):
    """Two half circles that reach into each other; y says which.

    Class 0 lies at (cos a, sin a), class 1 at (1 - cos a, 1/2 - sin a), a uniform on [0, pi].
    noise : standard deviation added to each coordinate. Returns X (n, 2) and y int64 (n,).
    """
    y = np.arange(_rows(n)) % 2
    angle = math.pi * _uniform(seed, n)
    sign = 1 - 2 * y
    X = np.column_stack((y + sign * np.cos(angle), 0.5 * y + sign * np.sin(angle)))
    return _points(X, noise, seed, dtype), y


def circles(n=200, noise=0.05, factor=0.5, seed=0, dtype=None):
    """A circle of radius 1 (class 0) around one of radius ``factor`` (class 1).

    factor : between 0 and 1. noise : standard deviation added to each coordinate.
    Returns X (n, 2) and y int64 (n,).
    """
    if not 0 <= factor < 1:
        raise ValueError(f"Expected factor from 0 to below 1; received {factor!r}.")
    y = np.arange(_rows(n)) % 2
    angle = 2 * math.pi * _uniform(seed, n)
    radius = np.where(y == 1, factor, 1.0)
    X = np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))
    return _points(X, noise, seed, dtype), y


def spirals(n=300, arms=2, turns=1.0, noise=0.02, seed=0, dtype=None):
    """Spiral arms around the origin, out to radius 1; y says which arm.

    A point at radius r of arm j has the angle 2 pi (turns r + j / arms), r uniform on [0.1, 1].
    noise : standard deviation added to each coordinate. Returns X (n, 2) and y int64 (n,).
    """
    y = np.arange(_rows(n)) % _count("arms", arms)
    radius = 0.1 + 0.9 * _uniform(seed, n)  # at the origin itself the arms would meet
    angle = 2 * math.pi * (turns * radius + y / arms)
    X = np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))
    return _points(X, noise, seed, dtype), y


def blobs(n=300, centers=3, spread=1.0, seed=0, dtype=None):
    """Round clouds of points; y says around which centre.

    centers : their number, evenly spaced on a circle of radius 5, or an array (classes, k).
    spread : standard deviation of each coordinate. Returns X (n, k) and y int64 (n,).
    """
    if np.ndim(centers) == 0:
        angle = 2 * math.pi * np.arange(_count("centers", centers)) / centers
        centers = 5.0 * np.column_stack((np.cos(angle), np.sin(angle)))
    centers = np.asarray(centers, np.float64)
    if centers.ndim != 2 or not centers.size:
        raise ValueError(
            f"Expected centers as a number or an array (classes, k); received {centers.shape}."
        )
    y = np.arange(_rows(n)) % len(centers)
    return _points(centers[y], spread, seed, dtype), y


def linear(n=100, weights=(2.0, -1.0), bias=0.5, noise=0.1, seed=0, dtype=None):
    """A plane: y = X w + bias + noise; X uniform on [-1, 1).

    weights : one for each input. noise : standard deviation of y about the plane.
    Returns X (n, k) and y (n,), both of ``dtype``.
    """
    w = np.atleast_1d(np.asarray(weights, np.float64))
    if w.ndim != 1 or not w.size:
        raise ValueError(f"Expected weights as one number an input; received {weights!r}.")
    X = 2 * _uniform(seed, (_rows(n), len(w))) - 1
    # a sum in a fixed order: the bits of a product through BLAS depend on the machine
    plane = sum((X[:, i] * w[i] for i in range(len(w))), np.full(n, float(bias)))
    return X.astype(config.standardize_dtype(dtype)), _points(plane, noise, seed, dtype)


def _uniform(seed, shape) -> np.ndarray:
    """Where the points lie. Its stream is not the noise's: one seed's uniform and normal numbers
    come from the same bits."""
    return random.uniform(_streams(seed)[0], shape)


def _points(exact, noise, seed, dtype) -> np.ndarray:
    """The exact points, each coordinate moved by its normal noise, in the type asked for."""
    if not (noise >= 0 and math.isfinite(noise)):
        raise ValueError(f"Expected a finite standard deviation of at least 0; received {noise!r}.")
    if noise:
        exact = exact + noise * random.normal(_streams(seed)[1], exact.shape)
    return exact.astype(config.standardize_dtype(dtype))


def _streams(seed) -> tuple[int, int]:
    seeds = random.SeedGenerator(operator.index(seed))
    return seeds.next(), seeds.next()


def _rows(n) -> int:
    return _count("n", n)


def _count(name, value) -> int:
    if operator.index(value) < 1:
        raise ValueError(f"Expected {name} of at least 1; received {value!r}.")
    return value
