"""The types of what the functions of `fastnn.ops` take and return: Keras's rules on NumPy arrays.

Python's numbers and lists become float32 and int32, arrays keep their type; a floating type wins
over whole numbers, whatever their size, and Python's numbers never change an array's kind.
"""

from __future__ import annotations

import numpy as np

from fastnn import config
from fastnn.tracing import tracing

_WEAK = (bool, int, float)
words = str.split  # for lists of names


def standardize_dtype(dtype=None) -> str:
    """The name of a type: "float32", "int64", "bool", ...; None stands for `config.floatx`.

    >>> standardize_dtype(float), standardize_dtype(np.int64)
    ('float32', 'int64')
    """
    if dtype is None or dtype is float:
        return config.floatx()
    if dtype is int:
        return "int32"
    return np.dtype(getattr(dtype, "name", dtype)).name


def convert(x, dtype=None) -> np.ndarray:
    """An array of ``x``: its own type, or for Python's numbers float32 or int32."""
    x = tracing(x)
    if hasattr(x, "through"):  # a symbolic tensor, or an array that is being differentiated
        return x if dtype is None else x.astype(standardize_dtype(dtype))
    array = np.asarray(x)
    if dtype is not None:
        return array.astype(standardize_dtype(dtype), copy=False)
    if hasattr(x, "dtype") or not (isinstance(x, _WEAK) or _is_python(x)):
        return array
    if array.dtype == np.float64:
        return array.astype(config.floatx())
    return array.astype(np.int32) if array.dtype == np.int64 else array


def _is_python(x) -> bool:
    """Whether nested lists and tuples begin with a number of Python's."""
    while isinstance(x, (list, tuple)) and len(x):
        x = x[0]
    return isinstance(x, _WEAK) or (isinstance(x, (list, tuple)) and not len(x))


def floats(x) -> np.ndarray:
    """`convert`, whole numbers as `config.floatx`."""
    array = convert(x)
    return array if np.dtype(array.dtype).kind in "fc" else array.astype(config.floatx())


def result_type(*dtypes) -> str:
    """The name of the type that arrays of these types have together.

    >>> result_type("int32", "float32"), result_type("int8", "uint8"), result_type("int64", float)
    ('float32', 'int16', 'float32')
    """
    # by identity: NumPy calls its float64 equal to Python's float
    weak = [w for w in _WEAK if any(dtype is w for dtype in dtypes)]
    strong = [np.dtype(standardize_dtype(d)) for d in dtypes if not any(d is w for w in weak)]
    floating = [dtype for dtype in strong if dtype.kind in "fc"]
    if floating:
        return np.result_type(*floating).name
    found = np.result_type(*strong) if strong else np.dtype(bool)
    if float in weak or found.kind == "f":  # NumPy's answer to uint64 and int64 is a float
        return config.floatx()
    return "int32" if found.kind == "b" and int in weak else found.name


def together(*values, floating=False) -> list[np.ndarray]:
    """The values as arrays of the type they have together; ``floating``: at least `floatx`."""
    dtypes = [type(v) if type(v) in _WEAK else convert(v).dtype for v in values]
    dtype = result_type(*dtypes, *([float] if floating else []))
    return [convert(v, dtype) for v in values]


def typed(found, dtype) -> np.ndarray:
    """A result as an array of a type; a traced one stays what it is."""
    return found if hasattr(found, "through") else np.asarray(found, dtype)
