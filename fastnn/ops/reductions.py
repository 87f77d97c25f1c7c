"""Sums, means, orders: functions along the axes of an array.

>>> mean([[1, 2], [3, 5]], axis=0)
array([2. , 3.5], dtype=float32)
"""

from __future__ import annotations

import builtins

import numpy as np

from fastnn.ops.types import convert, floats, together, typed, words
from fastnn.tracing import plain

_MEANS = words("mean median nanmean nanmedian nanstd nanvar std var")


def _axis(axis):
    return tuple(axis) if isinstance(axis, list) else axis


def _mean(name: str):
    own = getattr(np, name)

    def function(x, axis=None, keepdims=False):
        x = floats(x)
        return typed(own(x, axis=_axis(axis), keepdims=keepdims), x.dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}`` as floats."
    return function


_ALL = {name: _mean(name) for name in _MEANS}
globals().update(_ALL)


def _small(x):
    """Types that a sum would soon leave: booleans and short whole numbers become 32 bits."""
    wide = {"b": "int32", "i": "int32", "u": "uint32"}.get(np.dtype(x.dtype).kind)
    return x.astype(wide) if wide and np.dtype(x.dtype).itemsize < 4 else x


def _total(own, x, axis, keepdims, dtype=None):
    x = _small(convert(x)) if dtype is None else convert(x, dtype)
    return typed(own(x, axis=_axis(axis), keepdims=keepdims, dtype=x.dtype), x.dtype)


def sum(x, axis=None, keepdims=False):
    """The sum along axes, in the type of the array.

    >>> sum([[1, 2], [3, 4]], axis=1)
    array([3, 7], dtype=int32)
    """
    return _total(np.sum, x, axis, keepdims)


def prod(x, axis=None, keepdims=False, dtype=None):
    """The product along axes."""
    return _total(np.prod, x, axis, keepdims, dtype)


def nansum(x, axis=None, keepdims=False):
    """The sum of what is not NaN."""
    return _total(np.nansum, x, axis, keepdims)


def nanprod(x, axis=None, keepdims=False):
    """The product of what is not NaN."""
    return _total(np.nanprod, x, axis, keepdims)


def cumsum(x, axis=None, dtype=None):
    """The sums so far along an axis."""
    x = _truths_as_numbers(convert(x, dtype))
    return np.cumsum(x, axis=axis, dtype=x.dtype)


def cumprod(x, axis=None, dtype=None):
    """The products so far along an axis."""
    x = _truths_as_numbers(convert(x, dtype))
    return np.cumprod(x, axis=axis, dtype=x.dtype)


def nancumsum(x, axis=None, dtype=None):
    """`cumsum`, NaN as 0."""
    x = _truths_as_numbers(convert(x, dtype))
    return np.nancumsum(x, axis=axis, dtype=x.dtype)


def _truths_as_numbers(x):
    return x.astype("int32") if x.dtype == bool else x


def max(x, axis=None, keepdims=False, initial=None):
    """The greatest number along axes."""
    options = {} if initial is None else {"initial": initial}
    x = convert(x)
    return typed(np.max(x, axis=_axis(axis), keepdims=keepdims, **options), x.dtype)


def min(x, axis=None, keepdims=False, initial=None):
    """The least number along axes."""
    options = {} if initial is None else {"initial": initial}
    x = convert(x)
    return typed(np.min(x, axis=_axis(axis), keepdims=keepdims, **options), x.dtype)


def amax(x, axis=None, keepdims=False):
    """`max`."""
    return max(x, axis, keepdims)


def amin(x, axis=None, keepdims=False):
    """`min`."""
    return min(x, axis, keepdims)


def nanmax(x, axis=None, keepdims=False):
    """The greatest number that is not NaN."""
    return np.asarray(np.nanmax(convert(x), axis=_axis(axis), keepdims=keepdims))


def nanmin(x, axis=None, keepdims=False):
    """The least number that is not NaN."""
    return np.asarray(np.nanmin(convert(x), axis=_axis(axis), keepdims=keepdims))


def ptp(x, axis=None, keepdims=False):
    """The greatest number less the least."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


def all(x, axis=None, keepdims=False):
    """Whether all numbers along axes are not 0."""
    return np.asarray(np.all(convert(x), axis=_axis(axis), keepdims=keepdims))


def any(x, axis=None, keepdims=False):
    """Whether some number along axes is not 0."""
    return np.asarray(np.any(convert(x), axis=_axis(axis), keepdims=keepdims))


def argmax(x, axis=None, keepdims=False):
    """Where the greatest number is.

    >>> argmax([[0.1, 0.7, 0.2]], axis=-1)
    array([1], dtype=int32)
    """
    return np.asarray(np.argmax(convert(x), axis=axis, keepdims=keepdims), "int32")


def argmin(x, axis=None, keepdims=False):
    """Where the least number is."""
    return np.asarray(np.argmin(convert(x), axis=axis, keepdims=keepdims), "int32")


def average(x, axis=None, weights=None):
    """The mean, weighted if weights are given."""
    x = floats(x)
    if weights is not None:
        x, weights = together(x, floats(weights))
    return np.asarray(np.average(x, axis=_axis(axis), weights=weights), x.dtype)


def logsumexp(x, axis=None, keepdims=False):
    """log sum exp x, without overflow.

    >>> round(float(logsumexp([1000.0, 1000.0])), 3)
    1000.693
    """
    x = floats(x)
    top = np.max(plain(x), axis=_axis(axis), keepdims=True)
    top = np.where(np.isfinite(top), top, 0)
    found = np.log(np.sum(np.exp(x - top), axis=_axis(axis), keepdims=True)) + top
    return typed(found if keepdims else np.squeeze(found, _axis(axis)), x.dtype)


def count_nonzero(x, axis=None):
    """How many numbers along axes are not 0."""
    return np.asarray(np.count_nonzero(convert(x), axis=_axis(axis)), "int32")


def quantile(x, q, axis=None, method="linear", keepdims=False):
    """The value below which the share q of the numbers lies."""
    x = floats(x)
    found = np.quantile(x, q, axis=_axis(axis), method=method, keepdims=keepdims)
    return np.asarray(found, x.dtype)


def percentile(x, q, axis=None, method="linear", keepdims=False):
    """`quantile` of q / 100."""
    return quantile(x, np.asarray(q) / 100, axis, method, keepdims)


def histogram(x, bins=10, range=None):
    """(counts, edges) of equally wide bins."""
    counts, edges = np.histogram(convert(x), bins=bins, range=range)
    return counts.astype("int32"), edges.astype(floats(x).dtype)


def bincount(x, weights=None, minlength=0, sparse=False):
    """How often each whole number from 0 occurs."""
    if sparse:
        raise ValueError("fastnn's ops make no sparse arrays: sparse=False only.")
    x = convert(x)
    weights = None if weights is None else convert(weights)
    dtype = "int32" if weights is None else weights.dtype
    if x.ndim == 1:
        return np.bincount(x, weights, minlength).astype(dtype)
    length = builtins.max(int(x.max(initial=-1)) + 1, minlength)
    rows = [np.bincount(row, None if weights is None else own, length) for row, own in
            zip(x, x if weights is None else weights, strict=True)]
    return np.stack(rows).astype(dtype)


def corrcoef(x):
    """The correlations of the rows."""
    x = floats(x)
    return np.corrcoef(x).astype(x.dtype)


def _segments(start, reduce):
    def function(data, segment_ids, num_segments=None, sorted=False):
        data, ids = convert(data), convert(segment_ids)
        n = int(ids.max(initial=-1)) + 1 if num_segments is None else num_segments
        found = np.full((n, *data.shape[1:]), start(data.dtype), data.dtype)
        inside = (ids >= 0) & (ids < n)
        reduce.at(found, ids[inside], data[inside])
        return found

    return function


def _least(dtype):
    return -np.inf if dtype.kind == "f" else np.iinfo(dtype).min


def _greatest(dtype):
    return np.inf if dtype.kind == "f" else np.iinfo(dtype).max


segment_sum = _segments(lambda dtype: 0, np.add)
segment_prod = _segments(lambda dtype: 1, np.multiply)
segment_max = _segments(_least, np.maximum)
segment_min = _segments(_greatest, np.minimum)
for _name in ("sum", "prod", "max", "min"):
    _function = globals()[f"segment_{_name}"]
    _function.__name__ = _function.__qualname__ = f"segment_{_name}"
    _function.__doc__ = f"The {_name} of the rows that have the same number in segment_ids."


def in_top_k(targets, predictions, k):
    """Whether a row's target is among its k greatest predictions.

    >>> in_top_k([1, 0], [[0.1, 0.9], [0.1, 0.9]], k=1)
    array([ True, False])
    """
    targets, predictions = convert(targets), convert(predictions)
    own = np.take_along_axis(predictions, targets[..., None], axis=-1)
    return (predictions > own).sum(axis=-1) < k


def top_k(x, k, sorted=True):
    """(values, places) of the k greatest numbers of each row, the greatest first."""
    x = convert(x)
    places = np.argsort(-x, axis=-1, kind="stable")[..., :k].astype("int32")
    return np.take_along_axis(x, places, axis=-1), places


_OWN = words("all amax amin any argmax argmin average bincount corrcoef count_nonzero cumprod "
             "cumsum histogram in_top_k logsumexp max min nancumsum nanmax nanmin nanprod nansum "
             "percentile prod ptp quantile segment_max segment_min segment_prod segment_sum sum "
             "top_k")
__all__ = sorted([*_ALL, *_OWN])

