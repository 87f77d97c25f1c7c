"""Taking numbers out of arrays, putting them in, and their order.

>>> take([3, 1, 2], [0, 0]), sort([3, 1, 2])
(array([3, 3], dtype=int32), array([1, 2, 3], dtype=int32))
"""

from __future__ import annotations

import builtins

import numpy as np

from fastnn.ops.arrays import copy
from fastnn.ops.types import convert, together

__all__ = ["allclose", "argpartition", "argsort", "digitize", "get_item", "isin", "nonzero",
           "scatter", "scatter_update", "searchsorted", "select", "slice", "slice_update", "sort",
           "take", "take_along_axis", "unique", "unravel_index", "where"]

def get_item(x, key):
    """x[key]."""
    return convert(x)[key]


def take(x, indices, axis=None):
    """The numbers, or slices along an axis, at some places; those beyond the end give NaN or 0."""
    return np.take(convert(x), convert(indices), axis=axis)


def take_along_axis(x, indices, axis=None):
    """A number for each place of an array of places."""
    return np.take_along_axis(convert(x), convert(indices), axis)


def where(condition, x1=None, x2=None):
    """x1 where the condition holds, x2 elsewhere; with the condition alone, the places."""
    if x1 is None and x2 is None:
        return np.where(convert(condition))
    return np.where(np.asarray(condition, bool), *together(x1, x2))


def select(condlist, choicelist, default=0):
    """For each number the first choice whose condition holds."""
    return np.select([np.asarray(c, bool) for c in condlist], together(*choicelist), default)


def nonzero(x):
    """The places, by axis, of what is not 0."""
    return tuple(places.astype("int32") for places in np.nonzero(convert(x)))


def slice(inputs, start_indices, shape):
    """The part of a shape that begins at some place."""
    starts = [int(i) for i in start_indices]
    return convert(inputs)[tuple(builtins.slice(i, i + n) for i, n in
                                 zip(starts, shape, strict=True))]


def slice_update(inputs, start_indices, updates):
    """A copy with a part replaced.

    >>> slice_update(np.zeros(3), [1], [5.0])
    array([0., 5., 0.])
    """
    found, updates = copy(inputs), convert(updates)
    starts = [int(i) for i in start_indices]
    found[tuple(builtins.slice(i, i + n) for i, n in
                zip(starts, updates.shape, strict=True))] = updates
    return found


def scatter(indices, values, shape):
    """Zeros with values added at some places, (n, axes)."""
    values = convert(values)
    found = np.zeros(shape, values.dtype)
    np.add.at(found, tuple(convert(indices).T), values)
    return found


def scatter_update(inputs, indices, updates, reduction=None):
    """A copy with values at some places, (n, axes): replaced, or combined by ``reduction``."""
    found, places = copy(inputs), tuple(convert(indices).T)
    if reduction is None:
        found[places] = convert(updates)
        return found
    ways = {"add": np.add, "max": np.maximum, "min": np.minimum, "mul": np.multiply}
    if reduction not in ways:
        raise ValueError(f"Expected None or one of {', '.join(ways)} for reduction; "
                         f"received {reduction!r}.")
    ways[reduction].at(found, places, convert(updates))
    return found


def sort(x, axis=-1):
    """The numbers along an axis, the least first."""
    return np.sort(convert(x), axis=axis)


def argsort(x, axis=-1):
    """The places of the numbers along an axis, the least first; equal ones as they are."""
    return np.argsort(convert(x), axis=axis, kind="stable").astype("int32")


def argpartition(x, kth, axis=-1):
    """Places along an axis: the kth is as in `argsort`, smaller ones are before it."""
    return np.argpartition(convert(x), kth, axis).astype("int32")


def searchsorted(sorted_sequence, values, side="left"):
    """Where values would be put into a sorted sequence."""
    return np.searchsorted(*together(sorted_sequence, values), side=side).astype("int32")


def digitize(x, bins):
    """How many of the bins' edges are at or below each number."""
    return np.digitize(*together(x, bins)).astype("int32")


def isin(x1, x2, assume_unique=False, invert=False):
    """Whether a number of x1 is somewhere in x2."""
    return np.isin(*together(x1, x2), assume_unique=assume_unique, invert=invert)


def unique(x, sorted=True, return_inverse=False, return_counts=False, axis=None, size=None,
           fill_value=None):
    """The different numbers, the least first."""
    if size is not None:
        raise ValueError("fastnn's ops know the size: size=None only.")
    return np.unique(convert(x), return_inverse=return_inverse, return_counts=return_counts,
                     axis=axis)


def unravel_index(indices, shape):
    """The places by axis of places in the flat array."""
    return tuple(p.astype("int32") for p in np.unravel_index(convert(indices), shape))


def allclose(x1, x2, rtol=1e-5, atol=1e-8, equal_nan=False) -> bool:
    """Whether all |x1 - x2| <= atol + rtol |x2|."""
    return bool(np.allclose(*together(x1, x2), rtol, atol, equal_nan))
