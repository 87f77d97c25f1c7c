"""Making arrays, changing their shapes, taking numbers out and putting them in.

>>> concatenate([zeros((1, 2)), ones((1, 2))], axis=0)
array([[0., 0.],
       [1., 1.]], dtype=float32)
"""

from __future__ import annotations

import contextlib

import numpy as np

from fastnn.ops.types import convert, result_type, standardize_dtype, together, words

_SAME = words("diag diagflat diagonal diff expand_dims fliplr flipud moveaxis ravel repeat roll "
              "rot90 swapaxes tile tril triu")


def _of_array(name: str):
    from inspect import signature

    own = getattr(np, name)

    def function(x, *arguments, **named):
        return own(convert(x), *arguments, **named)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``numpy.{name}``."
    with contextlib.suppress(ValueError):  # functions in C have none before NumPy 2.4
        function.__signature__ = signature(own)
    return function


_ALL = {name: _of_array(name) for name in _SAME}
globals().update(_ALL)


# making


def array(x, dtype=None):
    """An array: Python's numbers as float32 or int32.

    >>> array([1.0, 2.0]).dtype
    dtype('float32')
    """
    return np.array(convert(x, dtype))


def convert_to_tensor(x, dtype=None, sparse=None, ragged=None):
    """An array, without a copy where that can be."""
    return convert(x, dtype)


def convert_to_numpy(x):
    """An array."""
    return convert(x)


def zeros(shape, dtype=None):
    """An array of 0."""
    return np.zeros(shape, standardize_dtype(dtype))


def ones(shape, dtype=None):
    """An array of 1."""
    return np.ones(shape, standardize_dtype(dtype))


def empty(shape, dtype=None):
    """An array of whatever numbers."""
    return np.empty(shape, standardize_dtype(dtype))


def full(shape, fill_value, dtype=None):
    """An array of one number."""
    return np.full(shape, fill_value, standardize_dtype(dtype))


def zeros_like(x, dtype=None):
    """An array of 0, of the shape and type of another."""
    return np.zeros_like(convert(x), dtype=dtype and standardize_dtype(dtype))


def ones_like(x, dtype=None):
    """An array of 1, of the shape and type of another."""
    return np.ones_like(convert(x), dtype=dtype and standardize_dtype(dtype))


def empty_like(x, dtype=None):
    """An array of whatever numbers, of the shape and type of another."""
    return np.empty_like(convert(x), dtype=dtype and standardize_dtype(dtype))


def full_like(x, fill_value, dtype=None):
    """An array of one number, of the shape and type of another."""
    return np.full_like(convert(x), fill_value, dtype=dtype and standardize_dtype(dtype))


def eye(N, M=None, k=0, dtype=None):
    """1 on a diagonal, 0 elsewhere."""
    return np.eye(N, M, k, standardize_dtype(dtype))


def identity(n, dtype=None):
    """The matrix of 1 on the diagonal."""
    return np.eye(n, dtype=standardize_dtype(dtype))


def tri(N, M=None, k=0, dtype=None):
    """1 at and below a diagonal."""
    return np.tri(N, M, k, standardize_dtype(dtype))


def arange(start, stop=None, step=None, dtype=None):
    """start, start + step, ... below stop.

    >>> arange(3)
    array([0, 1, 2], dtype=int32)
    """
    step = 1 if step is None else step
    given = [value for value in (start, stop, step) if value is not None]
    if dtype is None:
        dtype = result_type(*(type(value) if isinstance(value, (int, float)) else
                              convert(value).dtype for value in given))
    start, stop = (0, start) if stop is None else (start, stop)
    return np.arange(start, stop, step).astype(standardize_dtype(dtype))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """``num`` numbers at equal distances."""
    start, stop = together(start, stop, floating=True)
    found = np.linspace(start, stop, num, endpoint, retstep, dtype=dtype or start.dtype, axis=axis)
    return found


def logspace(start, stop, num=50, endpoint=True, base=10, dtype=None, axis=0):
    """``base`` to the power of `linspace`."""
    start, stop = together(start, stop, floating=True)
    return np.logspace(start, stop, num, endpoint, base, dtype or start.dtype, axis)


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    """``num`` numbers at equal ratios."""
    start, stop = together(start, stop, floating=True)
    return np.geomspace(start, stop, num, endpoint, dtype or start.dtype, axis)


def meshgrid(*x, indexing="xy"):
    """The coordinates of the points of a grid."""
    return np.meshgrid(*map(convert, x), indexing=indexing)


def vander(x, N=None, increasing=False):
    """The powers of numbers, as the rows of a matrix."""
    x = convert(x)
    return np.vander(x, N, increasing).astype(x.dtype, copy=False)


# shapes


def shape(x) -> tuple[int, ...]:
    """The lengths of the axes.

    >>> shape([[1, 2, 3]])
    (1, 3)
    """
    return tuple(np.shape(x)) if not hasattr(x, "shape") else tuple(x.shape)


def ndim(x) -> int:
    """How many axes there are."""
    return np.ndim(x)


def size(x) -> int:
    """How many numbers there are."""
    return np.size(x)


def dtype(x) -> str:
    """The name of the type."""
    return standardize_dtype(convert(x).dtype)


def is_tensor(x) -> bool:
    """Whether it is an array."""
    return isinstance(x, np.ndarray)


def copy(x):
    """A copy."""
    return np.array(convert(x))


def reshape(x, newshape):
    """The same numbers in another shape."""
    return np.reshape(convert(x), newshape)


def transpose(x, axes=None):
    """The axes in another order."""
    return np.transpose(convert(x), axes)


def squeeze(x, axis=None):
    """Without axes of length 1."""
    return np.squeeze(convert(x), tuple(axis) if isinstance(axis, list) else axis)


def broadcast_to(x, shape):
    """The numbers repeated to a shape, read only."""
    return np.broadcast_to(convert(x), shape)


def flip(x, axis=None):
    """The numbers along axes in the opposite order."""
    return np.flip(convert(x), axis)


def pad(x, pad_width, mode="constant", constant_values=None):
    """The array with numbers around it."""
    options = {} if constant_values is None else {"constant_values": constant_values}
    return np.pad(convert(x), pad_width, mode, **options)


# joining and cutting


def concatenate(xs, axis=0):
    """Arrays behind each other along an axis."""
    return np.concatenate(together(*xs), axis=axis)


def append(x1, x2, axis=None):
    """The numbers of x2 behind those of x1."""
    return np.append(*together(x1, x2), axis=axis)


def stack(x, axis=0):
    """Arrays as the slices of a new axis."""
    return np.stack(together(*x), axis=axis)


def hstack(xs):
    """Arrays side by side."""
    return np.hstack(together(*xs))


def vstack(xs):
    """Arrays below each other."""
    return np.vstack(together(*xs))


def dstack(xs):
    """Arrays behind each other along the third axis."""
    return np.dstack(together(*xs))


def unstack(x, num=None, axis=0) -> list:
    """The slices along an axis."""
    return list(np.moveaxis(convert(x), axis, 0))


def split(x, indices_or_sections, axis=0) -> list:
    """Parts along an axis: so many equal ones, or cut at these places."""
    return np.split(convert(x), indices_or_sections, axis)


def array_split(x, indices_or_sections, axis=0) -> list:
    """Parts along an axis, as equal as they can be."""
    return np.array_split(convert(x), indices_or_sections, axis)


def hsplit(x, indices_or_sections) -> list:
    """`split` along the second axis."""
    return np.hsplit(convert(x), indices_or_sections)


def vsplit(x, indices_or_sections) -> list:
    """`split` along the first axis."""
    return np.vsplit(convert(x), indices_or_sections)


def dsplit(x, indices_or_sections) -> list:
    """`split` along the third axis."""
    return np.dsplit(convert(x), indices_or_sections)


def view(x, dtype=None):
    """The same bytes as another type."""
    return convert(x).view(standardize_dtype(dtype))


_OWN = words("append arange array array_split broadcast_to concatenate convert_to_numpy "
             "convert_to_tensor copy dsplit dstack dtype empty empty_like eye flip full full_like "
             "geomspace hsplit hstack identity is_tensor linspace logspace meshgrid ndim ones "
             "ones_like pad reshape shape size split squeeze stack transpose tri unstack vander "
             "view vsplit vstack zeros zeros_like")
__all__ = sorted([*_ALL, *_OWN])
